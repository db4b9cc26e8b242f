"""Killable worker processes for verifiers whose running time nobody can bound.

Each job has a deadline that starts when a worker turns to it; past it the worker is killed hard and replaced. Only a
job that a busy machine kept from running gets longer, so that load does not change verdicts. A worker that dies costs
its job one retry, and the jobs behind it nothing.
"""

import asyncio
import contextlib
import pickle
from collections import deque
from contextvars import Context
from dataclasses import dataclass
from typing import Any, NamedTuple

from verifiers.base import Verdict
from verifiers.nursery import Lost, Nursery, Worker
from verifiers.turns import FairQueue
from verifiers.worker_main import LENGTH, OUT_OF_MEMORY

MAX_SERVED = 5_000
"""Jobs after which a worker is replaced, so that a verifier that leaks cannot grow for ever."""
MAX_STARTS = 3
"""Attempts to get a worker before its job counts as lost."""
MAX_STRETCH = 10
"""Deadlines that a job may take in wall-clock time while the machine gives it too little CPU time."""
BATCH_S, MAX_BATCH = 0.005, 32
"""A batch holds about this much expected work, so that no job waits long behind a slow one."""


class Job(NamedTuple):
    """What a worker needs to judge one response."""

    verifier: str
    response: str
    reference: Any
    params: Any


@dataclass(slots=True)
class Ticket:
    """One job on its way through the pool."""

    verifier: str
    frame: bytes
    deadline_s: float
    done: asyncio.Future[Verdict]
    owner: str = ""
    lost: bool = False
    """A worker was lost over it once already."""

    def settle(self, verdict: Verdict) -> None:
        if not self.done.done():
            self.done.set_result(verdict)


@dataclass(slots=True)
class PoolStats:
    """Counters since the pool was made."""

    started: int = 0
    killed: int = 0
    """Workers killed because a job ran past its deadline."""
    died: int = 0
    """Workers that ended by themselves: a crash, the memory limit, somebody else's kill."""
    retried: int = 0


class Pool:
    """Up to `size` workers, forked when there is work for them. Use it on one event loop only."""

    def __init__(self, size: int, memory_mb: int) -> None:
        self.stats = PoolStats()
        self._size = size
        self._nursery = Nursery(memory_mb)
        self._queue: FairQueue[Ticket] = FairQueue()
        self._open: set[asyncio.Future[Verdict]] = set()
        self._slots: list[asyncio.Task[None]] = []
        self._workers: list[Worker] = []
        self._idle = 0
        self._pace: dict[str, float] = {}

    @property
    def waiting(self) -> int:
        return self._queue.qsize()

    async def run(self, job: Job, deadline_s: float, owner: str = "") -> Verdict:
        """The worker's verdict; `undecided` if it ran out of time, `error` if it was lost twice."""
        body = pickle.dumps(tuple(job))
        done: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(Ticket(job.verifier, LENGTH.pack(len(body)) + body, deadline_s, done, owner))
        self._open.add(done)
        if self._queue.qsize() > self._idle and len(self._slots) < self._size:
            # In a context of its own: the caller's would keep the caller's grader alive as long as the slot.
            self._slots.append(asyncio.create_task(self._slot(), context=Context()))
        try:
            return await done
        finally:
            self._open.discard(done)

    async def _slot(self) -> None:
        """One place for a worker: take some jobs, work them off, for ever."""
        worker: Worker | None = None
        while True:
            batch = await self._take()
            while batch:
                worker = await self._work_off(worker, batch)

    async def _take(self) -> deque[Ticket]:
        self._idle += 1
        try:
            batch = deque([await self._queue.get()])
        finally:
            self._idle -= 1
        expected = self._expected(batch[0])
        while expected < BATCH_S and len(batch) < MAX_BATCH and not self._queue.empty():
            batch.append(self._queue.get_nowait())
            expected += self._expected(batch[-1])
        return deque(ticket for ticket in batch if not ticket.done.done())  # without those that were given up

    def _expected(self, ticket: Ticket) -> float:
        """Seconds that a job of this verifier takes, as far as we have seen."""
        return self._pace.get(ticket.verifier, BATCH_S)

    async def _work_off(self, worker: Worker | None, batch: deque[Ticket]) -> Worker | None:
        """Settle jobs until the batch is empty or the worker has to go; the worker if it is still good."""
        try:
            worker = await self._ready(worker, batch)
            worker.link.write(ticket.frame for ticket in batch)
            while batch:
                verdict = await self._answer(worker, batch[0])
                if verdict is None:
                    break
                batch.popleft().settle(verdict)
            else:
                return worker
            self.stats.killed += 1
            await self._end(worker)
            batch.popleft().settle(Verdict.undecided("time_limit"))
        except Lost as loss:
            self.stats.died += 1
            self._lose(batch, await self._obituary(worker, str(loss)))
        return None

    async def _ready(self, worker: Worker | None, batch: deque[Ticket]) -> Worker:
        """A worker that has loaded what the batch needs. A nursery that is lost on the way is no job's fault."""
        for left in reversed(range(MAX_STARTS)):
            try:
                for verifier in {ticket.verifier for ticket in batch}:
                    await self._nursery.load(verifier)
                if worker and worker.generation == self._nursery.generation and worker.served < MAX_SERVED:
                    return worker
                await self._end(worker)
                worker = await self._nursery.fork()
                break
            except Lost:
                with contextlib.suppress(Lost):
                    await self._end(worker)
                if not left:
                    raise
        assert worker
        self._workers.append(worker)
        self.stats.started += 1
        return worker

    async def _end(self, worker: Worker | None) -> str:
        """Kill a worker, unless that is done already, and say how it had ended."""
        if worker not in self._workers:
            return "ended"
        self._workers.remove(worker)
        return await self._nursery.end(worker)

    async def _answer(self, worker: Worker, ticket: Ticket) -> Verdict | None:
        """The next verdict, or None when the job has used up its time. Raises Lost."""
        worker.start_clock()
        for _ in range(MAX_STRETCH):
            frame = await worker.link.read(ticket.deadline_s)
            if frame is not None:
                break
            if worker.own_fault(ticket.deadline_s):
                return None
        else:
            raise Lost("starved")
        if frame == OUT_OF_MEMORY:
            raise Lost("memory")
        worker.served += 1
        verdict = Verdict.model_validate_json(frame)
        self._pace[ticket.verifier] = 0.8 * self._expected(ticket) + 0.2 * verdict.elapsed_ms / 1e3
        return verdict

    async def _obituary(self, worker: Worker | None, cause: str) -> str:
        with contextlib.suppress(Lost):
            ending = await self._end(worker)
            return ending if cause == "closed" else cause
        return cause

    def _lose(self, batch: deque[Ticket], cause: str) -> None:
        """The first job was under way: once more in a fresh worker, then it is an error. The others lost nothing."""
        if not batch[0].lost:
            batch[0].lost = True
            self.stats.retried += 1
        else:
            batch.popleft().settle(Verdict.error("worker_died", details={"cause": cause}))

    async def close(self) -> None:
        """End all workers. Jobs still under way become errors."""
        for done in self._open:
            if not done.done():
                done.set_result(Verdict.error("closed"))
        for slot in self._slots:
            slot.cancel()
        await asyncio.gather(*self._slots, return_exceptions=True)
        self._slots.clear()
        for worker in list(self._workers):
            with contextlib.suppress(Lost):
                await self._end(worker)
        self._nursery.close()
        await asyncio.sleep(0)  # lets aborted transports close their sockets
