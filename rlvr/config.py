"""Every knob of a run with its meaning under it. TOML in (`rlvr.settings.load`), frozen objects out.

A file names its stage at the top: `stage = "rl"`. In a pipeline each stage is a section, and its `model` and `out` are
filled in from the stage before. Leaves out: what a good default can settle.
"""

from typing import Any, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from rlvr.evaluation.suites import Evaluate as Evaluate
from rlvr.settings import presets
from rlvr.settings.learning import KL as KL
from rlvr.settings.learning import Critic as Critic
from rlvr.settings.learning import Lora as Lora
from rlvr.settings.learning import Objective as Objective
from rlvr.settings.learning import Optim as Optim
from rlvr.settings.learning import Scale as Scale
from rlvr.settings.sections import Compute as Compute
from rlvr.settings.sections import EngineSettings as EngineSettings
from rlvr.settings.sections import Faults as Faults
from rlvr.settings.sections import Grading as Grading
from rlvr.settings.sections import Location as Location
from rlvr.settings.sections import PathOrName as PathOrName
from rlvr.settings.sections import Sampling as Sampling
from rlvr.settings.sections import Section as Section
from rlvr.settings.sections import Share as Share
from rlvr.settings.sections import Stage as Stage

Family = Literal["code", "instructions", "math"]
Control = Literal["none", "random", "constant", "shuffled"]


class Tasks(Section):
    train: str
    """Task source: a name such as `gsm8k`, `NAME:PATH`, or a JSONL or Parquet file of tasks."""
    validation: str | None = None
    """Task source judged greedily while training; it picks the checkpoint that is kept."""
    limit: PositiveInt | None = None
    """Read at most this many tasks of each source."""
    against: tuple[str, ...] = ()
    """Further evaluation sources that no training task may hold, beside `validation`."""
    contaminated: Literal["refuse", "drop", "keep"] = "refuse"
    """What becomes of training tasks that hold more than half of an evaluation task, in n-grams of eight words."""


class SFT(Stage):
    """Supervised fine-tuning on demonstrations."""

    stage: Literal["sft"] = "sft"
    data: PathOrName
    """JSONL or Parquet with a `messages` column (chat)."""
    epochs: PositiveFloat = 1.0
    batch_size: PositiveInt = 32
    """Sequences an optimizer step, over all workers."""
    max_tokens: PositiveInt = 2048
    """Longer conversations are cut at the end; where no answer would be left they are dropped and counted."""
    optim: Optim = Optim(lr=1e-5, warmup_steps=20, schedule="cosine")
    workers: PositiveInt = 1
    """Ray Train workers (data parallel)."""
    checkpoint_every: PositiveInt = 100
    """Optimizer steps between checkpoints, from which `--resume` goes on."""


class Pairs(Section):
    """On-policy preference pairs: sample, let the verifiers judge, pair a right answer with a wrong one."""

    tasks: str
    prompts: PositiveInt = 512
    """Tasks sampled from."""
    samples: PositiveInt = 8
    """Responses a task. Tasks whose responses are all right or all wrong give no pair."""
    sampling: Sampling = Sampling()


class Preferences(Stage):
    """What stages that learn from pairs have in common: pairs from a file, or pairs that the verifiers make."""

    data: PathOrName | None = None
    """JSONL or Parquet with `prompt`, `chosen` and `rejected` (chat messages)."""
    on_policy: Pairs | None = None
    epochs: PositiveFloat = 1.0
    batch_size: PositiveInt = 32
    max_tokens: PositiveInt = 2048
    """Longer answers are cut at the end; pairs whose prompt leaves no room for one are left out and counted."""
    workers: PositiveInt = 1
    checkpoint_every: PositiveInt = 100
    grading: Grading = Grading()
    """Who judges the responses that pairs are made of."""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.data is None) == (self.on_policy is None):
            stage = type(self).model_fields["stage"].default
            raise ValueError(f"{stage} needs exactly one of `data` (a file of pairs) and `on_policy` (made pairs)")
        return self


class DPO(Preferences):
    """Direct preference optimisation on pairs from a file, or on pairs that the verifiers make."""

    stage: Literal["dpo"] = "dpo"
    beta: PositiveFloat = 5.0
    loss: Literal["sigmoid_norm", "sigmoid"] = "sigmoid_norm"
    """`sigmoid_norm` divides each log-probability by its length (Tulu 3)."""
    optim: Optim = Optim(lr=5e-7, warmup_steps=5, schedule="linear")


class RewardModel(Preferences):
    """A model that scores responses, from preference pairs: what a PPO critic starts from."""

    stage: Literal["reward-model"] = "reward-model"
    optim: Optim = Optim(lr=3e-6, warmup_steps=5, schedule="linear")


class RL(Stage):
    """Reinforcement learning on checked rewards."""

    stage: Literal["rl"] = "rl"
    preset: Literal["grpo", "dr_grpo", "dapo", "gspo", "cispo", "rloo", "ppo"] | None = None
    """A published recipe, for every key that the file does not set itself: see `rlvr/settings/presets.py`."""
    tasks: Tasks
    steps: PositiveInt = 100
    prompts_per_step: PositiveInt = 32
    group_size: PositiveInt = 8
    """Responses a prompt. Advantages compare responses within one group, unless a critic gives them."""
    sampling: Sampling = Sampling()
    max_lag: NonNegativeInt = 2
    """How many versions sampling may run ahead of learning. 0 is exactly on-policy."""
    curriculum: Literal["epochs", "difficulty"] = "epochs"
    """`epochs` goes through all tasks in turn; `difficulty` prefers those that are solved about half the time."""
    refill: NonNegativeInt = 1
    """Up to so many times `prompts_per_step` groups a step are replaced when their rewards agree and teach nothing."""
    objective: Objective = Objective()
    critic: Critic | None = None
    optim: Optim = Optim(lr=1e-6, warmup_steps=10)
    epochs: PositiveInt = 1
    """Passes over each batch."""
    minibatches: PositiveInt = 1
    """Optimizer steps in each pass."""
    micro_batch_tokens: PositiveInt = 16384
    """Padded tokens that go through the learner's model at once. Changes speed and memory, never the result."""
    engine: EngineSettings = EngineSettings()
    scale: Scale = Scale()
    engine_batch: PositiveInt = 256
    """Responses that one engine samples at once."""
    faults: Faults = Faults()
    max_prompt_tokens: PositiveInt = 2048
    """Tasks with a longer prompt are left out and counted."""
    reward_scale: PositiveFloat = 1.0
    """The reward of a response judged right."""
    truncated: Literal["keep", "mask", "penalty", "soft"] = "keep"
    """A response cut at `max_tokens` is judged as it is; or its tokens are left out of the loss; or its reward is
    `truncated_reward`; or `soft`: up to 1 is taken off over the last `overlong_buffer` tokens, and 1 once cut
    (DAPO)."""
    truncated_reward: float = -1.0
    overlong_buffer: PositiveInt = 256
    grading: Grading = Grading()
    evaluate_every: PositiveInt = 10
    """Steps between validations; the best checkpoint so far becomes `model/`."""
    checkpoint_every: PositiveInt = 10
    control: Control = "none"
    """Rewards that say nothing, to see what training without a verifier would gain."""

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, data: Any) -> Any:
        return presets.fill(data) if isinstance(data, dict) else data

    @property
    def updates(self) -> int:
        """Optimizer steps a batch."""
        return self.epochs * self.minibatches

    @property
    def old(self) -> Literal["learner", "sampler"]:
        """What the ratio is taken against, `auto` settled."""
        if self.objective.old == "auto":
            return "learner" if self.updates == 1 else "sampler"
        return self.objective.old

    @model_validator(mode="after")
    def _responses_differ(self) -> Self:
        if self.sampling.temperature == 0:
            raise ValueError("sampling.temperature must be above 0: the greedy responses of a group are all alike")
        if self.group_size == 1 and self.objective.advantage != "gae":
            raise ValueError(
                f"group_size 1 leaves advantage = {self.objective.advantage!r} nothing to compare with, so that every "
                "advantage is 0; use 2 or more, or a critic"
            )
        return self

    @model_validator(mode="after")
    def _minibatches_fit(self) -> Self:
        if self.minibatches > self.prompts_per_step:
            raise ValueError(
                f"minibatches ({self.minibatches}) must not exceed prompts_per_step ({self.prompts_per_step})"
            )
        return self

    @model_validator(mode="after")
    def _parts_belong_together(self) -> Self:
        objective = self.objective
        if (objective.advantage == "gae") != (self.critic is not None):
            raise ValueError(
                'objective.advantage = "gae" and the section `critic` need each other: without a critic there are no '
                "values, and without gae nothing uses them"
            )
        if self.old == "sampler" and (objective.importance == "mask" or objective.importance_level != "token"):
            raise ValueError(
                "objective.importance corrects the learner's ratio, but with several optimizer steps a batch the ratio "
                'is taken against the sampler, correction included; write objective.old = "learner"'
            )
        if self.truncated == "soft" and self.overlong_buffer > self.sampling.max_tokens:
            raise ValueError(
                f"overlong_buffer ({self.overlong_buffer}) must not exceed sampling.max_tokens "
                f"({self.sampling.max_tokens})"
            )
        return self


class Scratch(Section):
    """A small model, its tokenizer and its tasks, built on the spot; everything a pipeline needs and no download."""

    demonstrations: PositiveInt = 40000
    """Rows of the weak teacher."""
    slip: Share = 0.6
    """How often the weak teacher makes its systematic mistake."""
    shares: dict[Family, PositiveInt] = Field(default={"code": 1, "instructions": 1, "math": 1})
    """How much there is of each family, in demonstrations and in tasks; one left out is not there at all."""
    tasks: PositiveInt = 4000
    """Training tasks."""
    validation: PositiveInt = 150
    held_out: PositiveInt = 600
    """Tasks that the final evaluation judges. All three splits differ in the underlying problem."""
    vocabulary: PositiveInt = 512
    hidden: PositiveInt = 128
    layers: PositiveInt = 2


class Pipeline(Section):
    """A chain of stages; each starts from the model of the one before."""

    stage: Literal["pipeline"] = "pipeline"
    out: Location
    seed: NonNegativeInt = 0
    model: PathOrName = "{out}/base"
    """Where the chain starts. `{out}` in a string stands for the pipeline's run directory."""
    scratch: Scratch | None = None
    """Build model and tasks below `{out}` first."""
    sft: SFT | None = None
    dpo: DPO | None = None
    rl: RL | None = None
    evaluate: Evaluate | None = None


STAGES: dict[str, type[Section]] = {
    "sft": SFT,
    "dpo": DPO,
    "reward-model": RewardModel,
    "rl": RL,
    "eval": Evaluate,
    "pipeline": Pipeline,
}
