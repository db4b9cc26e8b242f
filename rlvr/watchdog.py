"""Says who waits, for whom and how long, as soon as somebody waits longer than usual. Nothing is ended by it.

`WatchedEngine`, `WatchedGrader` and `WatchedLearner` are the partners of the loop with that added.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

from rlvr.config import Sampling
from rlvr.partners import Engine, Grader, Learner
from rlvr.samples import Request, Rollout, Sample
from verifiers import Item, Verdict

T = TypeVar("T")
Tell = Callable[[str], None]

FIRST_S = 60.0
"""The first line comes after so long; each one after it when the wait has doubled."""


def to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


async def watched(work: Awaitable[T], who: Callable[[], str], tell: Tell = to_stderr, first_s: float = FIRST_S) -> T:
    """The result of the work. `who` says what is waited for at the moment when a line is due."""
    task, start, due = asyncio.ensure_future(work), time.monotonic(), first_s
    try:
        while True:
            done, _ = await asyncio.wait({task}, timeout=max(0.0, start + due - time.monotonic()))
            if done:
                if due > first_s:
                    tell(f"waited {time.monotonic() - start:.0f} s for {who()}: it has come")
                return task.result()
            tell(f"waiting {due:.0f} s for {who()}")
            due *= 2
    finally:
        task.cancel()


class WatchedEngine:
    """An engine whose silences are told of."""

    def __init__(self, engine: Engine, tell: Tell = to_stderr, first_s: float = FIRST_S) -> None:
        self._engine, self._tell, self._first_s = engine, tell, first_s

    async def sample(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[Rollout]:
        came = 0

        def who() -> str:
            return f"the engine: {came} of {len(requests)} rollouts of batch {requests[0].id.partition('/')[0]} came"

        stream = aiter(self._engine.sample(requests, sampling))
        while True:
            try:
                rollout = await watched(_next(stream), who, self._tell, self._first_s)
            except StopAsyncIteration:
                return
            came += 1
            yield rollout

    async def load(self, weights: Any, version: int) -> None:
        work = self._engine.load(weights, version)
        await watched(work, lambda: f"the engine: loading version {version}", self._tell, self._first_s)


async def _next(stream: AsyncIterator[Rollout]) -> Rollout:
    return await anext(stream)


class WatchedGrader:
    """A grader whose silences are told of."""

    def __init__(self, grader: Grader, tell: Tell = to_stderr, first_s: float = FIRST_S) -> None:
        self._grader, self._tell, self._first_s = grader, tell, first_s

    async def grade_many(self, items: Sequence[Item]) -> list[Verdict]:
        def who() -> str:
            return f"the grader: {len(items)} verdicts of {items[0].verifier}, first {items[0].id}"

        return await watched(self._grader.grade_many(items), who, self._tell, self._first_s)


class WatchedLearner:
    """A learner whose silences are told of."""

    def __init__(self, learner: Learner, tell: Tell = to_stderr, first_s: float = FIRST_S) -> None:
        self._learner, self._tell, self._first_s = learner, tell, first_s

    async def _wait(self, work: Awaitable[T], what: str) -> T:
        return await watched(work, lambda: f"the learner: {what}", self._tell, self._first_s)

    async def step(self, samples: Sequence[Sample]) -> dict[str, float]:
        return await self._wait(self._learner.step(samples), f"an update on {len(samples)} rollouts")

    async def weights(self) -> Any:
        return await self._wait(self._learner.weights(), "its weights")

    async def checkpoint(self, step: int) -> None:
        await self._wait(self._learner.checkpoint(step), f"the checkpoint of step {step}")

    async def restore(self) -> int:
        return await self._wait(self._learner.restore(), "the last checkpoint")
