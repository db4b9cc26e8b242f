"""open-instruct's code API: `POST /test_program`, `/test_program_stdio`, `GET /health` (its knob: `CODE_API_URL`).

Its client scores 0 for any error and never tries again, so it waits as long as it would. Its own server unpickles
what it is sent, and lets the program end its tests by ending the process; here both are data, judged from outside.
"""

import asyncio
import json
from typing import Any

from fastapi import Request
from pydantic import BaseModel

from verifiers.base import Verdict
from verifiers.call import Item
from verifiers.problems import Problem
from verifiers.wire import door
from verifiers.wire.pickled import unpack

router = door.router("open-instruct")
FENCE = "~" * 12
MOST_TESTS = 10_000


class TestProgram(BaseModel):
    """Assertions, or for standard input pairs `{"input", "output"}`: a list, JSON text of it, or packed."""

    program: str
    tests: Any
    max_execution_time: door.Seconds = 1.0


class TestResults(BaseModel):
    """One entry a test: 1 if it passed, and seconds, -1 for one that failed."""

    results: list[int]
    runtimes: list[float]


class Healthy(BaseModel):
    status: str = "healthy"


@router.post("/test_program")
async def test_program(request: Request, body: TestProgram) -> TestResults:
    """Judge a program by assertions."""
    tests = await asyncio.to_thread(_tests, body.tests)
    if not all(isinstance(test, str) for test in tests):
        raise Problem(422, "tests must be a list of assertions as text", "invalid-request")
    return await _judged(request, body, len(tests), {"test_list": tests})


@router.post("/test_program_stdio")
async def test_program_stdio(request: Request, body: TestProgram) -> TestResults:
    """Judge a program by what it writes, or the function that the tests name in `fn_name` by what it returns."""
    tests = await asyncio.to_thread(_tests, body.tests)
    if not all(isinstance(test, dict) and {"input", "output"} <= set(test) for test in tests):
        raise Problem(422, 'tests must be a list of {"input", "output"}', "invalid-request")
    reference: dict[str, Any] = {side + "s": [test[side] for test in tests] for side in ("input", "output")}
    names = {test["fn_name"] for test in tests if isinstance(test.get("fn_name"), str)}
    return await _judged(request, body, len(tests), reference | ({"fn_name": names.pop()} if names else {}))


@router.get("/health")
async def health() -> Healthy:
    return Healthy()


async def _judged(request: Request, body: TestProgram, tests: int, reference: dict[str, Any]) -> TestResults:
    if not tests:
        return TestResults(results=[], runtimes=[])
    # In a fence, so that nothing in it can be taken for the prose of a response.
    response = f"{FENCE}python\n{body.program}\n{FENCE}\n"
    reference["time_limit_s"] = body.max_execution_time
    item = Item("", "code", response, reference, {"scoring": "pass_rate"})
    seconds = max(30.0, min(300.0, 10 * body.max_execution_time)) - 2.0  # what the client waits, less a margin
    [verdict] = await door.judged(request, [item], door.Patience(seconds, 503))
    results = _results(verdict, tests)
    share = round(verdict.elapsed_ms / 1e3 / tests, 6)
    return TestResults(results=results, runtimes=[share if result else -1.0 for result in results])


def _tests(tests: Any) -> list[Any]:
    if isinstance(tests, str) and tests:
        try:
            tests = json.loads(tests)
        except (ValueError, RecursionError):
            try:
                tests = unpack(tests)
            except ValueError as error:
                raise Problem(422, f"tests: {error}", "invalid-request") from None
    if tests and not isinstance(tests, list):
        raise Problem(422, f"tests must be a list, got {type(tests).__name__}", "invalid-request")
    if tests and len(tests) > MOST_TESTS:
        raise Problem(413, f"{len(tests)} tests; send at most {MOST_TESTS}", "too-many-items")
    return tests or []


def _results(verdict: Verdict, tests: int) -> list[int]:
    """A verdict lists the first hundred tests only; of the others it tells how many passed."""
    listed = [int(test["status"] == "passed") for test in verdict.details.get("tests", [])]
    rest = int(verdict.details.get("passed", 0)) - sum(listed)
    return listed + [int(index < rest) for index in range(tests - len(listed))]
