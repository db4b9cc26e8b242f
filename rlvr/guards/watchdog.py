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


class Voice:
    """Passes lines on, but not many at once: a hundred requests that wait for one partner are one wait."""

    def __init__(self, tell: Tell, pause_s: float) -> None:
        self._tell, self._pause_s = tell, pause_s
        self._last = -pause_s

    def __call__(self, line: str) -> None:
        now = time.monotonic()
        if now - self._last >= self._pause_s:
            self._last = now
            self._tell(line)


class WatchedEngine:
    """An engine whose silences are told of."""

    def __init__(self, engine: Engine, tell: Tell = to_stderr, first_s: float = FIRST_S) -> None:
        self._engine, self._tell, self._first_s = engine, Voice(tell, first_s / 2), first_s
        self._out = 0

    async def sample(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[Rollout]:
        left = len(requests)
        self._out += left
        stream = aiter(self._engine.sample(requests, sampling))
        try:
            while True:
                rollout = await watched(_next(stream), self._waited, self._tell, self._first_s)
                left -= 1
                self._out -= 1
                yield rollout
        except StopAsyncIteration:
            return
        finally:
            self._out -= left

    def _waited(self) -> str:
        return f"the engine: {self._out} rollouts are out"

    async def load(self, weights: Any, version: int) -> None:
        work = self._engine.load(weights, version)
        await watched(work, lambda: f"the engine: loading version {version}", self._tell, self._first_s)


async def _next(stream: AsyncIterator[Rollout]) -> Rollout:
    return await anext(stream)


class WatchedGrader:
    """A grader whose silences are told of."""

    def __init__(self, grader: Grader, tell: Tell = to_stderr, first_s: float = FIRST_S) -> None:
        self._grader, self._tell, self._first_s = grader, Voice(tell, first_s / 2), first_s
        self._out = 0

    async def grade_many(self, items: Sequence[Item]) -> list[Verdict]:
        self._out += len(items)
        names = ", ".join(sorted({item.verifier for item in items}))
        try:
            return await watched(
                self._grader.grade_many(items),
                lambda: f"the grader: {self._out} verdicts are out, the oldest of {names}",
                self._tell,
                self._first_s,
            )
        finally:
            self._out -= len(items)


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
