"""The same optimizer step on ragged rollouts, by our learner and by TRL's GRPOTrainer: what `bench_learner.py` times.

Theirs is the trainer's own path: completions padded to the longest of the generation batch and split into
micro-batches, then `training_step` on each, gradients clipped, optimizer. Generation alone is replaced, by the rollouts
that are given.
"""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

from rlvr import tiny
from rlvr.config import RL, Sampling, Tasks
from rlvr.learner.step import Learner
from rlvr.samples import Rollout, Sample

PROMPT = 24
GROUP = 8
SPREAD = 0.9
"""Of the logarithm of the lengths. With a median of a fifth of the longest, about 30% of a padded batch is filled."""
CLIP = (0.2, 0.28)


def build(folder: Path, vocabulary: int, hidden: int, layers: int, longest: int) -> Path:
    """A random Llama of that shape."""
    tiny.build(folder, ["some words to make tokens of"] * 9, 300, hidden, layers, seed=0)
    torch.manual_seed(0)
    shape = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=tiny.HEADS,
        num_key_value_heads=tiny.GROUPS,
        max_position_embeddings=PROMPT + longest,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=3,
        pad_token_id=0,
    )
    LlamaForCausalLM(shape).save_pretrained(folder)
    return folder


def lengths(count: int, longest: int) -> list[int]:
    """Lognormal, with one at least as long as any may be."""
    rng = random.Random(0)
    drawn = [min(longest, max(1, round(longest / 5 * rng.lognormvariate(0.0, SPREAD)))) for _ in range(count - 1)]
    return [longest, *drawn]


def rollouts(sizes: Sequence[int], vocabulary: int) -> list[Sample]:
    """Random tokens, with advantages of both signs."""
    rng = random.Random(1)
    samples = []
    for place, size in enumerate(sizes):
        prompt = tuple(rng.randrange(4, vocabulary) for _ in range(PROMPT))
        response = tuple(rng.randrange(4, vocabulary) for _ in range(size))
        rollout = Rollout(str(place), prompt, response, (1,) * size, (0.0,) * size, (0,) * size, "stop", "")
        samples.append(Sample(rollout, (-1.0) ** place))
    return samples


def ours(model: Path, samples: Sequence[Sample], longest: int, rows: int) -> Callable[[], float]:
    """A step to take; it returns the norm of the gradient. `rows`: padded sequences a micro-batch has room for."""
    config = RL(
        model=str(model),
        tasks=Tasks(train="-"),
        sampling=Sampling(max_tokens=longest),
        micro_batch_tokens=rows * (PROMPT + longest),
        optim={"lr": 1e-5},  # type: ignore[arg-type]
        objective={"importance": "none", "old": "learner", "clip_low": CLIP[0], "clip_high": CLIP[1]},  # type: ignore[arg-type]
    )
    learner = Learner(config)
    return lambda: learner.step(samples)["grad_norm"]


def theirs(model: Path, samples: Sequence[Sample], longest: int, rows: int, scratch: Path) -> Callable[[], float]:
    """The same step by TRL, `rows` sequences a micro-batch."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    class Given(GRPOTrainer):  # type: ignore[misc]
        def _generate_and_score_completions(self, _: Any) -> dict[str, Tensor]:
            return padded(samples)

    splits = len(samples) // rows
    settings = GRPOConfig(
        output_dir=str(scratch),
        per_device_train_batch_size=rows,
        gradient_accumulation_steps=splits,
        num_generations=min(GROUP, len(samples)),
        max_completion_length=longest,
        loss_type="dapo",
        beta=0.0,
        epsilon=CLIP[0],
        epsilon_high=CLIP[1],
        learning_rate=1e-5,
        bf16=False,
        gradient_checkpointing=False,
        use_cpu=True,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
    )
    rows_of = Dataset.from_dict({"prompt": ["-"] * len(samples)})
    trainer = Given(model=str(model), reward_funcs=lambda **_: [0.0], args=settings, train_dataset=rows_of)
    trainer.current_gradient_accumulation_steps = splits  # what its loop sets before a step
    trainer.create_optimizer()

    def step() -> float:
        trainer.model.train()
        for _ in range(splits):
            trainer.training_step(trainer.model, {}, None)
        norm = nn.utils.clip_grad_norm_(trainer.model.parameters(), settings.max_grad_norm)
        trainer.optimizer.step()
        trainer.model.zero_grad()
        return float(norm)

    return step


def padded(samples: Sequence[Sample]) -> dict[str, Tensor]:
    """As its sampling leaves them: everything as wide as the longest completion."""
    sizes = torch.tensor([len(s.rollout.response_ids) for s in samples])
    mask = (torch.arange(int(sizes.max()))[None] < sizes[:, None]).long()
    completions = torch.zeros_like(mask)
    for row, sample in zip(completions, samples, strict=True):
        row[: len(sample.rollout.response_ids)] = torch.tensor(sample.rollout.response_ids)
    prompts = torch.tensor([s.rollout.prompt_ids for s in samples])
    return {
        "prompt_ids": prompts,
        "prompt_mask": torch.ones_like(prompts),
        "completion_ids": completions,
        "completion_mask": mask,
        "advantages": torch.tensor([s.advantage for s in samples]),
        "num_items_in_batch": mask.sum(),
    }
