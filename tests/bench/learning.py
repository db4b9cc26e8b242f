"""What each preset gains from one SFT checkpoint of the demo's tasks, and what rewards dealt out at random gain.

    python tests/bench/learning.py RUN [NAME ...] [a.b=c ...]

RUN: the run directory of `rlvr demo`. NAME: presets, or `shuffled` for the control; all by default. One line of JSON
each: greedy accuracy on held-out tasks before and after. Everything runs in this process, on one thread.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from transformers.utils.logging import disable_progress_bar

from rlvr.chat import encode_prompts
from rlvr.config import RL, Sampling
from rlvr.engines.transformers import TransformersEngine
from rlvr.evaluation.evaluate import evaluate
from rlvr.journal import Journal
from rlvr.learner.step import Learner
from rlvr.loop import train
from rlvr.samples import Prompt, Sample
from rlvr.settings import load
from rlvr.settings.presets import PRESETS
from rlvr.tasks.sources import load_tasks
from verifiers import Grader

COMMON: dict[str, Any] = {
    "steps": 40,
    "prompts_per_step": 32,
    "group_size": 8,
    "max_lag": 0,
    "refill": 0,
    "sampling": {"max_tokens": 40},
    "overlong_buffer": 10,
    "optim": {"lr": 3e-4, "warmup_steps": 3, "schedule": "linear"},
    "evaluate_every": 1000,
}
OWN: dict[str, dict[str, Any]] = {
    "ppo": {"critic": {"optim": {"lr": 2e-3, "warmup_steps": 3}}, "optim": {"lr": 1e-4, "warmup_steps": 3}},
    "shuffled": {"control": "shuffled"},
}


class Here:
    """The learner protocol, in this process."""

    def __init__(self, config: RL) -> None:
        self.learner = Learner(config)

    async def step(self, samples: list[Sample]) -> dict[str, float]:
        return self.learner.step(samples)

    async def weights(self) -> Any:
        return self.learner.weights()

    async def checkpoint(self, step: int) -> None:
        pass

    async def restore(self) -> int:
        return 0


class Stopwatch:
    """Wall and CPU seconds between its making and now, less those that were paused."""

    def __init__(self) -> None:
        self.wall, self.cpu = -time.monotonic(), -time.process_time()

    @contextmanager
    def paused(self) -> Iterator[None]:
        wall, cpu = time.monotonic(), time.process_time()
        yield
        self.wall, self.cpu = self.wall - time.monotonic() + wall, self.cpu - time.process_time() + cpu

    def seconds(self) -> dict[str, float]:
        return {"seconds": self.wall + time.monotonic(), "cpu_seconds": self.cpu + time.process_time()}


async def run(config: RL, prompts: list[Prompt], held: list[Prompt], name: str) -> dict[str, Any]:
    """Accuracies before and after, the mean reward of the last five steps, and what it took without validations."""
    watch = Stopwatch()
    engine, learner = TransformersEngine(config.model, 256), Here(config)
    greedy = Sampling(temperature=0.0, max_tokens=config.sampling.max_tokens)
    accuracy: list[float] = []
    rewards: list[float] = []

    async def validate(step: int) -> dict[str, float]:
        with watch.paused():
            accuracy.append((await evaluate(held, engine, grader, greedy)).accuracy)
        return {"validation/accuracy": accuracy[-1]}

    def log(step: int, metrics: dict[str, float]) -> None:
        rewards.append(metrics.get("reward", 0.0))
        figures = {key: round(value, 4) for key, value in metrics.items() if key != "fingerprint"}
        print(json.dumps({"preset": name, "step": step, **figures}), file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as folder, Grader(workers=1) as grader:
        journal = Journal(Path(folder) / "journal.sqlite")
        await train(config, prompts, engine, grader, learner, journal, validate, log)
        journal.close()
    before, after = accuracy[0], accuracy[-1]
    row = {"preset": name, "before": before, "after": after, "gain": round(100 * (after - before), 1)}
    return row | {"reward": fmean(rewards[-5:])} | watch.seconds()


def load_run(root: Path) -> tuple[str, list[Prompt], list[Prompt]]:
    """Of a demo's run directory: the SFT checkpoint, training prompts, held-out prompts."""
    model = str(root / "sft" / "model")
    tokenizer = TransformersEngine(model).tokenizer
    prompts, _ = encode_prompts(tokenizer, load_tasks(str(root / "tasks" / "train.jsonl")), 400)
    held, _ = encode_prompts(tokenizer, load_tasks(str(root / "tasks" / "held_out.jsonl"), limit=300), 400)
    return model, prompts, held


def main() -> None:
    folder, *arguments = sys.argv[1:]
    names = [name for name in arguments if "=" not in name] or [*PRESETS, "shuffled"]
    overrides = [text for text in arguments if "=" in text]
    torch.set_num_threads(1)
    disable_progress_bar()
    model, prompts, held = load_run(Path(folder))
    for name in names:
        preset = {"preset": name} if name in PRESETS else {"preset": "grpo"}
        data = {"tasks": {"train": "-"}, "model": model, **COMMON, **preset, **OWN.get(name, {})}
        row = asyncio.run(run(load.validate(RL, data, overrides), prompts, held, name))
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
