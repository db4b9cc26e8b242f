"""What all routes of the service share: the grader, the queue, the numbers, and how a request is attended to."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from fastapi import Request

from sandbox import LanguageUnavailable, RunRequest, RunResult, SandboxError, SandboxUnavailable
from verifiers import catalogue
from verifiers.admission import Limits, Queue
from verifiers.base import Verdict
from verifiers.call import Item
from verifiers.code.run import run_twice_if_killed
from verifiers.code.shared import shared_sandbox
from verifiers.grader import Grader
from verifiers.keys import Key
from verifiers.metrics import Metrics, series
from verifiers.problems import Problem
from verifiers.turns import Turns

T = TypeVar("T")

SHARE_S = 1.0
"""How often processes that share a port share their numbers."""
RUNS_A_WORKER = 2
"""Programs handed to the sandbox at once, so that it never idles while one is unpacked."""


class Service:
    """Judges items and runs programs for whoever holds a key. `workers`: processes of the grader."""

    def __init__(self, limits: Limits, keys: list[Key], workers: int, metrics_folder: Path | None) -> None:
        self.limits = limits
        self.grader = Grader(workers)
        self.queue = Queue(limits, keys)
        self.metrics = Metrics(metrics_folder)
        self.loaded = False
        self._runs = Turns(RUNS_A_WORKER * workers)

    def numbers(self) -> dict[str, float]:
        """The metrics that the grader and the queue count."""
        stats = self.grader.stats()
        numbers = {
            "rlvr_cache_hits_total": float(stats.cached),
            "rlvr_retries_total": stats.workers.retried,
            "rlvr_items_admitted": self.queue.admitted,
            "rlvr_items_waiting": stats.waiting,
            "rlvr_requests_waiting": self.queue.waiting,
        }
        for event in ("started", "killed", "died"):
            numbers[series("rlvr_workers_total", event=event)] = getattr(stats.workers, event)
        for (verifier, status), count in stats.verdicts.items():
            numbers[series("rlvr_verdicts_total", verifier=verifier, status=status)] = count
        return numbers

    def within(self, timeout_s: float | None) -> float:
        """The seconds that a request gets."""
        return min(timeout_s or self.limits.answer_s, self.limits.answer_s)

    async def many(self, items: list[Item], seconds: float, key: str) -> list[Verdict]:
        """Verdicts in the items' order."""
        verdicts = {index: verdict async for index, verdict in self.verdicts(items, seconds, key)}
        return [verdicts[index] for index in range(len(items))]

    async def verdicts(self, items: list[Item], seconds: float, key: str) -> AsyncIterator[tuple[int, Verdict]]:
        """(position, verdict) of every item as they come; at the deadline, `error` for all that are missing."""
        missing = dict(enumerate(items))
        stream = self.grader.completed(items, key)
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            while missing:
                async with asyncio.timeout_at(deadline):
                    index, verdict = await anext(stream)
                del missing[index]
                self._count(verdict, key)
                yield index, verdict
        except TimeoutError:
            message = {"message": f"no verdict within {seconds:g} s"}
            for index, item in missing.items():
                yield index, Verdict.error("deadline", id=item.id, verifier=item.verifier, details=message)
        finally:
            await stream.aclose()

    def _count(self, verdict: Verdict, key: str) -> None:
        if key:
            self.metrics.count("rlvr_items_total", key=key)
        if not verdict.cached and verdict.version:
            self.metrics.observe("rlvr_verify_seconds", verdict.elapsed_ms / 1e3, verifier=verdict.verifier)

    async def run(self, request: RunRequest, key: str) -> RunResult:
        """Raises Problem 422 for a request that makes no sense, 503 where programs cannot be run safely."""
        async with self._runs.place(key):
            result = await outcome(request)
        self.metrics.count("rlvr_runs_total", status=result.status)
        return result

    async def load(self) -> None:
        """Import all verifiers while the first clients connect."""
        await asyncio.to_thread(catalogue.entries)
        self.loaded = True

    async def share(self) -> None:
        """Let siblings on the same port see the numbers, as long as the service runs."""
        while self.metrics.shared:
            self.metrics.share(self.numbers())
            await asyncio.sleep(SHARE_S)


async def outcome(request: RunRequest) -> RunResult:
    """What came of a program. Raises Problem as `Service.run` does."""
    try:
        sandbox = await asyncio.to_thread(shared_sandbox)
        return await run_twice_if_killed(sandbox, request)
    except LanguageUnavailable as error:
        raise Problem(422, str(error), "no-language") from None
    except SandboxUnavailable as error:
        raise Problem(503, str(error), "no-sandbox") from None
    except SandboxError as error:
        raise Problem(422, str(error), "invalid-request") from None


async def self_test() -> str | None:
    """Why programs cannot be run here, or None."""
    try:
        result = await outcome(RunRequest("python", "print(6 * 7)"))
    except Problem as problem:
        return problem.detail
    return None if result.stdout.strip() == "42" else f"the sandbox's self-test ended with {result.status}"


def service_of(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


def key_of(request: Request) -> str:
    """The name of the key that came with the request; empty where none is needed."""
    return str(request.scope.get("rlvr.key", ""))


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of the work, which is cancelled if the client hangs up first."""
    doing = asyncio.create_task(work)
    leaving = asyncio.create_task(_hang_up(request))
    try:
        await asyncio.wait({doing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            return doing.result()
        raise Problem(408, "the client hung up")  # nobody reads it
    finally:
        leaving.cancel()
        doing.cancel()
        await asyncio.gather(doing, leaving, return_exceptions=True)


async def _hang_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
