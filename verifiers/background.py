"""The grader's own event loop, in a thread of its own: the worker pool and every verifier that must be awaited.

With a loop of its own the grader can be asked from any thread and from any other loop. The thread only waits; it
enforces nothing, since limits are kept by killing processes and cancelling coroutines.
"""

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from verifiers.base import Verdict
from verifiers.call import Call, Item, ajudge, is_async, judge, one_line
from verifiers.turns import Turns
from verifiers.workers import Job, Pool

MAX_COROUTINES = 256
"""Verifiers awaited at once, those that use a sandbox not counted; enough for services that answer in seconds."""

_IN_SANDBOX: ContextVar[bool] = ContextVar("rlvr_in_sandbox", default=False)
"""The running verifier holds a place for sandbox work."""


@dataclass(frozen=True, slots=True)
class Work:
    """An item that the caller's thread could not settle."""

    item: Item
    call: Call
    key: bytes | None
    deadline_s: float
    nested: bool
    """Asked for by a verifier that is itself being judged, and so by somebody who holds a place."""
    owner: str = ""
    """Who asked: those who wait for a place come in turn by owner."""


@dataclass(slots=True)
class Flight:
    """A piece of work and how many wait for it: equal items asked for at the same time are judged once."""

    task: asyncio.Task[Verdict]
    waiting: int = 0


class Background:
    """An event loop in a thread of its own, with the worker pool and all coroutines on it."""

    def __init__(self, workers: int, memory_mb: int) -> None:
        self._loop = asyncio.new_event_loop()
        self.pool = Pool(workers, memory_mb)
        self._sandboxes = Turns(2 * workers)
        self._coroutines = Turns(MAX_COROUTINES)
        self._flights: dict[bytes, Flight] = {}
        self.running = 0
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._loop.run_forever, name="rlvr-grader", daemon=True)
        self._thread.start()

    def is_here(self) -> bool:
        """Whether the caller is on the loop's own thread, where it may await but not block."""
        return threading.current_thread() is self._thread

    def submit(self, work: Work) -> Future[Verdict]:
        return asyncio.run_coroutine_threadsafe(self._judge_once(work), self._loop)

    async def _judge_once(self, work: Work) -> Verdict:
        if work.key is None:
            return await self._judge(work)
        flight = self._flights.get(work.key)
        joined = flight is not None
        if flight is None:
            flight = self._flights[work.key] = Flight(asyncio.create_task(self._judge(work)))
        flight.waiting += 1
        try:
            verdict = await asyncio.shield(flight.task)
            return verdict.model_copy(update={"cached": True}) if joined else verdict
        finally:
            flight.waiting -= 1
            if not flight.waiting:  # done, or everybody has gone away
                flight.task.cancel()
                self._flights.pop(work.key, None)

    async def _judge(self, work: Work) -> Verdict:
        self.running += 1
        start = time.perf_counter()
        try:
            if getattr(work.call.verifier, "isolation", "inline") == "process":
                verdict = await self.pool.run(Job(*work.item[1:]), work.deadline_s, work.owner)
            else:
                verdict = await self._attend(work)
        except Exception as error:  # the last resort of the grader's own boundary: a bug of ours is not a wrong answer
            verdict = Verdict.error(one_line(error))
        finally:
            self.running -= 1
        missing: dict[str, Any] = {"verifier": work.call.verifier.name, "version": work.call.verifier.version}
        if not verdict.elapsed_ms:
            missing["elapsed_ms"] = round((time.perf_counter() - start) * 1e3, 3)
        return verdict.model_copy(update=missing)

    async def _attend(self, work: Work) -> Verdict:
        """Await a coroutine or a blocking sandbox call; once more if the sandbox itself failed."""
        sandboxed = getattr(work.call.verifier, "isolation", "inline") == "sandbox"
        verdict = Verdict.error("sandbox_error")
        async with self._place(work, sandboxed):
            _IN_SANDBOX.set(sandboxed or _IN_SANDBOX.get())
            for _ in range(2 if sandboxed else 1):
                try:
                    async with asyncio.timeout(work.deadline_s):
                        verdict = await _coroutine(work.call)
                except TimeoutError:
                    return Verdict.error("deadline", details={"message": f"no verdict within {work.deadline_s:g} s"})
                if verdict.reason != "sandbox_error":
                    break
        return verdict

    def _place(self, work: Work, sandboxed: bool) -> AbstractAsyncContextManager[None]:
        """A bound on what is attended to at once. A part never waits for a place of the kind that its whole holds."""
        if sandboxed:
            return contextlib.nullcontext() if _IN_SANDBOX.get() else self._sandboxes.place(work.owner)
        return contextlib.nullcontext() if work.nested else self._coroutines.place(work.owner)

    def close(self) -> None:
        if os.getpid() != self._pid:
            return  # a forked copy: thread and processes are the parent's
        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(timeout=30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=30)
        self._loop.close()

    async def _close(self) -> None:
        await self.pool.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.get_running_loop().shutdown_default_executor()


def _coroutine(call: Call) -> Coroutine[Any, Any, Verdict]:
    return ajudge(call) if is_async(call.verifier) else asyncio.to_thread(judge, call)
