"""Whoever waits long is told of, with whom for and how long; nobody else is, and nothing is changed by it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from rlvr.config import Sampling
from rlvr.guards.watchdog import WatchedEngine, WatchedGrader, WatchedLearner, watched
from rlvr.samples import Request, Rollout, Sample
from verifiers import Item, Verdict

LONG = 0.12
"""Two lines: after 0.05 s and after 0.1 s."""


async def late(value: Any = None, seconds: float = LONG) -> Any:
    await asyncio.sleep(seconds)
    return value


class Slow:
    """Every partner at once, and each is slow."""

    async def sample(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[Rollout]:
        for place, request in enumerate(requests):
            await late(seconds=LONG if place else 0)
            yield Rollout(request.id, (1,), (2,), (1,), (-1.0,), (0,), "stop", "x")

    async def load(self, weights: Any, version: int) -> None:
        await late()

    async def grade_many(self, items: Sequence[Item]) -> list[Verdict]:
        return list(await late([Verdict.correct() for _ in items]))

    async def step(self, samples: Sequence[Sample]) -> dict[str, float]:
        return dict(await late({"loss": 1.0}))

    async def weights(self) -> Any:
        return await late("w")

    async def checkpoint(self, step: int) -> None:
        await late()

    async def restore(self) -> int:
        return int(await late(7))


def test_a_short_wait_is_not_told_of() -> None:
    told: list[str] = []
    assert asyncio.run(watched(late(3, 0.0), lambda: "it", told.append, 0.5)) == 3
    assert told == []


def test_a_long_wait_is_told_of_each_time_that_it_has_doubled() -> None:
    told: list[str] = []
    assert asyncio.run(watched(late(3), lambda: "it", told.append, 0.05)) == 3
    assert told == ["waiting 0 s for it", "waiting 0 s for it", "waited 0 s for it: it has come"]


def test_many_that_wait_for_one_are_one_line() -> None:
    told: list[str] = []
    grader = WatchedGrader(Slow(), told.append, 0.1)

    async def all_at_once() -> None:
        await asyncio.gather(*(grader.grade_many([Item(str(n), "math", "1", "1", None)]) for n in range(50)))

    asyncio.run(all_at_once())
    assert told[0] == "waiting 0 s for the grader: 50 verdicts are out, the oldest of math"
    assert len(told) <= 2


def test_an_error_is_passed_on() -> None:
    async def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(watched(broken(), lambda: "it"))


def test_who_gives_up_takes_the_work_along() -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            ended.append(True)

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(watched(work(), lambda: "it"), 0.02)
        await asyncio.sleep(0)

    asyncio.run(give_up())
    assert ended == [True]


def test_the_partners_say_who_is_waited_for() -> None:
    told: list[str] = []

    async def everything() -> list[Any]:
        slow = Slow()
        engine, grader = WatchedEngine(slow, told.append, 0.05), WatchedGrader(slow, told.append, 0.05)
        learner = WatchedLearner(slow, told.append, 0.05)
        requests = [Request(f"000012/0/0000/{place:03}", (1,), 0) for place in range(2)]
        came = [rollout.id async for rollout in engine.sample(requests, Sampling())]
        await engine.load("w", 4)
        verdicts = await grader.grade_many([Item("a", "math", "1", "1", None)])
        await learner.checkpoint(5)
        return [came, len(verdicts), await learner.step([]), await learner.weights(), await learner.restore()]

    came, verdicts, *rest = asyncio.run(everything())
    assert came == ["000012/0/0000/000", "000012/0/0000/001"]
    assert (verdicts, rest) == (1, [{"loss": 1.0}, "w", 7])
    for words in (
        "the engine: 1 rollouts are out",
        "the engine: loading version 4",
        "the grader: 1 verdicts are out, the oldest of math",
        "the learner: an update on 0 rollouts",
        "the learner: its weights",
        "the learner: the checkpoint of step 5",
        "the learner: the last checkpoint",
    ):
        assert any(line.endswith(words) for line in told), (words, told)
