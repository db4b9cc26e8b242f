"""How a client of a foreign protocol is attended to: it waits in line, and what cannot be judged is an HTTP error."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Annotated, Any, NamedTuple, TypeVar

from fastapi import APIRouter, Request
from pydantic import Field, Strict

from sandbox import Limits, RunRequest, RunResult
from sandbox.languages import LANGUAGES
from verifiers.admission import BUSY_S
from verifiers.base import Verdict
from verifiers.call import Item, well_formed
from verifiers.judging import key_of, service_of, unless_gone
from verifiers.problems import ERRORS, Problem, ProblemDetails

T = TypeVar("T")

Seconds = Annotated[float, Strict(), Field(gt=0, le=600)]
Whole = Annotated[int, Strict()]
"""Numbers as JSON has them: neither text nor `true` counts as one."""
LONGEST_RUN_S = 600.0
MOST_MEMORY_MB = 4096
BAD_INPUT = {"bad_reference": 422, "bad_params": 422, "bad_response": 422, "unknown_verifier": 404}
"""Reasons of `error` verdicts that trying again cannot mend, and their status. All others are our own failure."""


class Patience(NamedTuple):
    """How long a client waits for an answer, in all, and the status that makes it try again."""

    seconds: float
    busy: int


def router(project: str) -> APIRouter:
    return APIRouter(tags=[project], responses=ERRORS | {status: {"model": ProblemDetails} for status in (404, 504)})


async def attended(request: Request, work: Callable[[], Awaitable[T]], items: int, patience: Patience) -> T:
    """The result of the work once there is room for it. Raises Problem `patience.busy` when that takes too long."""
    queue, key = service_of(request).queue, key_of(request)

    async def in_turn() -> T:
        try:
            async with asyncio.timeout(patience.seconds):
                await queue.wait(key, items)
                try:
                    return await work()
                finally:
                    queue.leave(key, items)
        except TimeoutError:
            detail = f"no answer within {patience.seconds:g} s; try again"
            raise Problem(patience.busy, detail, "busy", headers=BUSY_S) from None

    return await unless_gone(request, in_turn())


async def judged(request: Request, items: list[Item], patience: Patience) -> list[Verdict]:
    """Verdicts with a score, in order. Raises Problem for the first item that got none."""
    service, key = service_of(request), key_of(request)

    async def judge() -> list[Verdict]:
        return await service.many(items, patience.seconds, key)

    verdicts = await attended(request, judge, len(items), patience)
    for verdict in verdicts:
        if verdict.status == "error":
            status = BAD_INPUT.get(verdict.reason, patience.busy)
            detail = str(verdict.details.get("message", verdict.reason))
            headers = BUSY_S if status == patience.busy else None
            raise Problem(status, detail, verdict.reason.replace("_", "-").partition(":")[0], headers=headers)
    return verdicts


async def run(request: Request, program: RunRequest, patience: Patience) -> RunResult:
    """What came of the program. Raises Problem `patience.busy` when the sandbox itself fails."""
    return (await run_all(request, [program], patience))[0]


async def run_all(request: Request, programs: list[RunRequest], patience: Patience) -> list[RunResult]:
    """As `run`, several at a time; results in order. A machine without a sandbox is one whose sandbox fails."""
    service, key = service_of(request), key_of(request)

    async def runs() -> list[RunResult]:
        return list(await asyncio.gather(*(service.run(program, key) for program in programs)))

    try:
        results = await attended(request, runs, len(programs), patience)
    except Problem as problem:
        if problem.status != 503:
            raise
        raise Problem(patience.busy, problem.detail, problem.type, headers=BUSY_S) from None
    failed = next((result.stderr for result in results if result.status == "sandbox_error"), None)
    if failed is not None:
        raise Problem(patience.busy, f"the sandbox failed: {failed}", "sandbox-error", headers=BUSY_S)
    return results


def language_enum(names: Iterable[str] = ()) -> dict[str, Any]:
    """What OpenAPI is told of a field that names a language."""
    return {"enum": sorted({*names, *LANGUAGES})}


def program(
    language: str, code: str, names: dict[str, str], seconds: float, memory_mb: float, **more: Any
) -> RunRequest:
    """A request to the sandbox. `names`: the protocol's names of languages. Raises Problem 422 for one we lack."""
    known = names.get(language, language)
    if known not in LANGUAGES:
        offered = ", ".join(sorted({*names} | {*LANGUAGES}))
        raise Problem(422, f"language must be one of {offered}; got {language!r}", "unknown-language")
    limits = replace(
        Limits(),
        wall_s=min(max(seconds, 0.01), LONGEST_RUN_S),
        memory_mb=int(min(max(memory_mb, 16), MOST_MEMORY_MB)),
    )
    return RunRequest(known, well_formed(code), limits=limits, **more)
