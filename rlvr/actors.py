"""The loop's partners as Ray actors, and the thin objects that speak to them in the loop's own terms.

Prompts, rollouts and verdicts cross the driver; weights do not: the learner's go to the engine as an object reference.
"""

import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import ray

from rlvr.config import RL, Compute, Grading, Sampling
from rlvr.samples import Prompt, Request, Rollout, Sample
from verifiers import Grader, Item, Task, Verdict

SHARE = 0.25
"""Logical CPUs that one actor reserves: the partners of one run take turns, and fit on the smallest machine."""


def _set_threads(compute: Compute) -> None:
    import torch

    torch.set_num_threads(compute.threads or len(os.sched_getaffinity(0)))


def device_of(compute: Compute) -> str:
    import torch

    if compute.device != "auto":
        return compute.device
    return "cuda" if torch.cuda.is_available() else "cpu"


class EngineActor:
    """Owns an engine. Sampling and loading take turns, in the order in which they were asked for."""

    def __init__(self, model: str, batch_size: int, compute: Compute) -> None:
        import asyncio

        _set_threads(compute)
        from rlvr.engines.transformers import TransformersEngine

        self.engine = TransformersEngine(model, batch_size, device_of(compute))
        self.turn = asyncio.Lock()

    async def encode(self, tasks: Sequence[Task], max_tokens: int) -> tuple[list[Prompt], int]:
        from rlvr.chat import encode_prompts

        return encode_prompts(self.engine.tokenizer, tasks, max_tokens)

    async def sample(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[list[Rollout]]:
        """Rollouts by the batch, since every item of a Ray stream costs a round trip."""
        async with self.turn:
            for start in range(0, len(requests), self.engine.batch_size):
                batch = requests[start : start + self.engine.batch_size]
                yield [rollout async for rollout in self.engine.sample(batch, sampling)]

    async def load(self, weights: Any, version: int) -> None:
        async with self.turn:
            await self.engine.load(weights, version)

    async def open(self, model: str) -> None:
        """Another checkpoint in place of this one."""
        async with self.turn:
            self.engine.open(model)


class LearnerActor:
    """Owns the learner and its checkpoints."""

    def __init__(self, config: RL) -> None:
        _set_threads(config.compute)
        from rlvr.learner.step import Learner

        self.learner = Learner(config, device_of(config.compute))
        self.out = config.out

    def step(self, samples: Sequence[Sample]) -> dict[str, float]:
        return self.learner.step(samples)

    def weights(self) -> Any:
        return self.learner.weights()

    def checkpoint(self, step: int) -> None:
        from rlvr.learner import checkpoint

        checkpoint.write(self.learner, self.out / "checkpoints", step)

    def restore(self) -> int:
        from rlvr.learner import checkpoint

        return checkpoint.restore(self.learner, self.out / "checkpoints")

    def publish(self, folder: Path) -> None:
        from rlvr.learner import checkpoint

        checkpoint.publish(self.learner, folder)


class GraderActor:
    """Owns a grader and its worker processes."""

    def __init__(self, grading: Grading) -> None:
        self.grader = Grader(workers=grading.workers, deadline_s=grading.deadline_s)

    async def grade_many(self, items: Sequence[Item]) -> list[Verdict]:
        return await self.grader.grade_many(items)


def _start(actor: type, *args: Any, gpu: bool = False) -> Any:
    return ray.remote(num_cpus=SHARE, num_gpus=float(gpu and SHARE))(actor).remote(*args)


def wants_gpu(compute: Compute) -> bool:
    return compute.device.startswith("cuda") or (compute.device == "auto" and ray.cluster_resources().get("GPU", 0) > 0)


class RemoteEngine:
    """The engine protocol, spoken to an EngineActor."""

    def __init__(self, model: str, batch_size: int, compute: Compute) -> None:
        self.actor = _start(EngineActor, model, batch_size, compute, gpu=wants_gpu(compute))

    async def sample(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[Rollout]:
        async for batch in self.actor.sample.options(num_returns="streaming").remote(requests, sampling):
            for rollout in await batch:
                yield rollout

    async def load(self, weights: Any, version: int) -> None:
        await self.actor.load.remote(weights, version)

    async def open(self, model: str) -> None:
        await self.actor.open.remote(model)

    async def encode(self, tasks: Sequence[Task], max_tokens: int) -> tuple[list[Prompt], int]:
        encoded: tuple[list[Prompt], int] = await self.actor.encode.remote(tasks, max_tokens)
        return encoded


class RemoteLearner:
    """The learner protocol, spoken to a LearnerActor."""

    def __init__(self, config: RL) -> None:
        self.actor = _start(LearnerActor, config, gpu=wants_gpu(config.compute))

    async def step(self, samples: Sequence[Sample]) -> dict[str, float]:
        metrics: dict[str, float] = await self.actor.step.remote(samples)
        return metrics

    async def weights(self) -> Any:
        """An object reference: it is the engine that opens it."""
        return self.actor.weights.remote()

    async def checkpoint(self, step: int) -> None:
        await self.actor.checkpoint.remote(step)

    async def restore(self) -> int:
        step: int = await self.actor.restore.remote()
        return step

    async def publish(self, folder: Path) -> None:
        await self.actor.publish.remote(folder)


class RemoteGrader:
    """The grader protocol, spoken to a GraderActor."""

    def __init__(self, grading: Grading) -> None:
        self.actor = _start(GraderActor, grading)

    async def grade_many(self, items: Sequence[Item]) -> list[Verdict]:
        verdicts: list[Verdict] = await self.actor.grade_many.remote(list(items))
        return verdicts
