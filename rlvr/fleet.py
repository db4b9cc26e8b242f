"""Several engines, graders or learner ranks as one partner of the loop, whole again after any of them is lost.

An engine that is lost gives its requests back, and the next process gets the current weights before it serves. A grader
that is lost is asked nothing twice that it had answered. Learner ranks stand and fall together: new ones go back to the
last checkpoint and through the journaled steps after it. Leaves out: where the processes come from (`rlvr/actors.py`).
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlvr.config import Faults, Sampling
from rlvr.faults import Call, Gone, Lost, Member, Process
from rlvr.samples import Request, Rollout, Sample
from verifiers import Item, Verdict

Start = Callable[[int], Process]
"""Bring up the process of this number."""
Source = Callable[[], Awaitable[tuple[Any, int]]]
"""The learner's weights and their version."""
BatchOf = Callable[[int], Sequence[Sample]]
"""The journaled batch of a step."""


PART = 64
"""Responses that a grader is given in one call, with one deadline; what it has answered is not asked again."""


@dataclass(slots=True, eq=False)
class _Part:
    """Requests that are sampled beside each other, and where the rollouts of each go."""

    requests: list[Request]
    sampling: Sampling
    arrived: "dict[str, asyncio.Queue[Rollout]]"


class Engines:
    """The engine protocol. What is asked for is cut into parts, and each engine takes the next part when it has room:
    it samples `at_once` requests, in `lanes` parts that come and go on their own."""

    def __init__(self, start: Start, count: int, faults: Faults, at_once: int, lanes: int = 1) -> None:
        self.current: tuple[Any, int] | None = None
        self.source: Source | None = None
        """Where weights come from whose only copy was lost."""
        self.members = [
            Member(f"engine {number}", lambda number=number: start(number), faults, self._give)  # type: ignore[misc]
            for number in range(count)
        ]
        self.at_once, self.lanes = max(1, at_once // lanes), lanes
        self._waiting: deque[_Part] = deque()
        self._news = asyncio.Event()
        self._servers: list[asyncio.Task[None]] = []

    async def sample(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[Rollout]:
        """One rollout a request, in completion order. Raises what ended an engine for good."""
        self._serve()
        arrived: asyncio.Queue[Rollout] = asyncio.Queue()
        share = -(-len(requests) // (len(self.members) * self.lanes))
        size = max(1, min(self.at_once, share))
        for start in range(0, len(requests), size):
            part = list(requests[start : start + size])
            self._waiting.append(_Part(part, sampling, dict.fromkeys((request.id for request in part), arrived)))
        self._news.set()
        for _ in requests:
            yield await self._next(arrived)

    async def load(self, weights: Any, version: int) -> None:
        """Every engine that serves has these weights; one that comes up later gets them first."""
        self.current = (weights, version)
        await asyncio.gather(*(self._load(member) for member in self.members if member.serves))

    async def all(self, method: str, *args: Any) -> None:
        """Have every engine do something that may be done again."""
        await asyncio.gather(*(member.persist(method, *args) for member in self.members))

    async def any(self, method: str, *args: Any) -> Any:
        """The first engine's answer to what any would answer alike."""
        return await self.members[0].persist(method, *args)

    async def close(self) -> None:
        for task in self._servers:
            task.cancel()
        await asyncio.gather(*self._servers, *(member.close() for member in self.members), return_exceptions=True)

    async def _load(self, member: Member) -> None:
        try:
            await self._give(member.call)
        except Lost:
            return  # its successor gets them

    async def _give(self, call: Call) -> None:
        """The current weights, until they are still the current ones afterwards."""
        given = None
        while given is not self.current:
            given = self.current
            assert given is not None  # `is not` says so
            try:
                await call("load", *given)
            except Gone as error:  # with the node that kept them
                if self.source is None:
                    raise Lost(str(error)) from error
                if given is self.current:
                    self.current = await self.source()

    def _serve(self) -> None:
        if not self._servers:
            lanes = [member for member in self.members for _ in range(self.lanes)]
            self._servers = [asyncio.create_task(self._lane(member)) for member in lanes]

    async def _next(self, arrived: "asyncio.Queue[Rollout]") -> Rollout:
        """The next to arrive, unless a server has ended, which only an error makes it do."""
        getting = asyncio.create_task(arrived.get())
        try:
            done, _ = await asyncio.wait({getting, *self._servers}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            getting.cancel()
        for task in done - {getting}:
            task.result()
        return getting.result()

    async def _lane(self, member: Member) -> None:
        while True:
            await member.ready()
            part = await self._take()
            try:
                if not member.serves:
                    raise Lost("while it had nothing to do")
                async for rollouts in member.stream("sample", part.requests, part.sampling):
                    for rollout in rollouts:
                        part.arrived.pop(rollout.id).put_nowait(rollout)
                    member.worked()
            except (Lost, Gone):  # the engine, or its answers with the node that kept them
                part.requests = [request for request in part.requests if request.id in part.arrived]
                self._waiting.appendleft(part)
                self._news.set()

    async def _take(self) -> _Part:
        """The next part, filled up with parts that others ask for, so that many small ones make a full one."""
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        part = self._waiting.popleft()
        own = set(part.arrived.values())
        while self._waiting:
            more = self._waiting[0]
            full = len(part.requests) + len(more.requests) > self.at_once
            if full or more.sampling != part.sampling or own & set(more.arrived.values()):
                break
            part.requests += self._waiting.popleft().requests
            part.arrived |= more.arrived
        return part


class Graders:
    """The grader protocol: responses go, some at a time, to the grader with the fewest under way."""

    def __init__(self, start: Start, count: int, faults: Faults) -> None:
        self.members = [
            Member(f"grader {number}", lambda number=number: start(number), faults)  # type: ignore[misc]
            for number in range(count)
        ]

    async def grade_many(self, items: Sequence[Item]) -> list[Verdict]:
        """As many verdicts as items, in their order."""
        parts = [items[start : start + PART] for start in range(0, len(items), PART)]
        judged = await asyncio.gather(*map(self._grade, parts))
        return [verdict for part in judged for verdict in part]

    async def _grade(self, items: Sequence[Item]) -> list[Verdict]:
        while True:
            for member in self.members:
                member.check()
            member = min(self.members, key=lambda member: (not member.serves, member.calls))
            try:
                verdicts: list[Verdict] = await member.call("grade_many", list(items))
            except (Lost, Gone):
                continue  # to whoever is best placed now
            member.worked()
            return verdicts

    async def close(self) -> None:
        await asyncio.gather(*(member.close() for member in self.members))


class RankGroup:
    """Learner ranks as one process: they are asked together, the first one answers for all, and they die together.

    Before all else they meet at an address that the first one gives.
    """

    def __init__(self, ranks: Sequence[Process]) -> None:
        self.ranks = ranks
        self._met = False

    async def call(self, method: str, *args: Any) -> Any:
        if not self._met:
            self._met = True
            await self._together("join", await self.ranks[0].call("address"))
        return await self._together(method, *args)

    async def refer(self, method: str, *args: Any) -> tuple[Any, Any]:
        pair: tuple[Any, Any] = await self._first([rank.refer(method, *args) for rank in self.ranks])
        return pair

    async def _together(self, method: str, *args: Any) -> Any:
        return await self._first([rank.call(method, *args) for rank in self.ranks])

    async def _first(self, asked: Sequence[Coroutine[Any, Any, Any]]) -> Any:
        """The first rank's answer, once all have answered."""
        answers = [asyncio.create_task(answer) for answer in asked]
        try:
            return (await asyncio.gather(*answers))[0]
        except Lost:
            raise
        except Exception:
            await asyncio.gather(*(rank.call("ping") for rank in self.ranks))
            raise  # all are there: it is a defect, and no broken connection to one that is lost
        finally:
            for answer in answers:  # the others wait in vain for the one that is lost
                answer.cancel()

    def stream(self, method: str, *args: Any) -> AsyncIterator[Any]:
        raise NotImplementedError("ranks give one answer each")

    def kill(self) -> None:
        for rank in self.ranks:
            rank.kill()


class Learner:
    """The learner protocol. A new process goes back to the last checkpoint and through the journaled steps since."""

    def __init__(self, start: Callable[[], Process], faults: Faults, batch_of: BatchOf) -> None:
        self.batch_of = batch_of
        self.version: int | None = None
        """Steps taken; none until the first restore."""
        self.member = Member("learner", start, faults, self._catch_up)

    async def step(self, samples: Sequence[Sample]) -> dict[str, float]:
        metrics: dict[str, float] = await self.member.persist("step", samples)
        self.version = (self.version or 0) + 1
        self.member.worked()
        return metrics

    async def weights(self) -> Any:
        """A reference: it is the engines that open it."""
        return (await self.latest())[0]

    async def latest(self) -> tuple[Any, int]:
        """The weights and their version, which may be one ahead of the loop's."""
        while True:
            try:
                version, weights = await self.member.refer("weights")
                return weights, version
            except Lost:
                continue

    async def logprobs(self, samples: Sequence[Sample]) -> list[float]:
        """Of every response token, at the sampling temperature."""
        found: list[float] = await self.member.persist("logprobs", samples)
        return found

    async def checkpoint(self, step: int) -> None:
        await self.member.persist("checkpoint", step)

    async def publish(self, folder: Path) -> None:
        await self.member.persist("publish", folder)

    async def restore(self) -> int:
        self.version = None
        step: int = await self.member.persist("restore")
        self.version = step
        return step

    async def close(self) -> None:
        await self.member.close()

    async def _catch_up(self, call: Call) -> None:
        if self.version is not None:
            reached = await call("restore")
            for step in range(reached + 1, self.version + 1):
                await call("step", self.batch_of(step))
