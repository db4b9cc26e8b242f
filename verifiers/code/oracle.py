"""Tests whose expected values come from a correct program: it runs alone, and what it gave is kept for the task.

Comparison is EvalPlus's: equal, or for floating-point results within the task's tolerance, and of the same type.
"""

import math
from typing import Any

from sandbox import Sandbox
from verifiers.base import VerifierError
from verifiers.code.calls import Answers, CallFailed, Program, make_calls
from verifiers.code.extract import complete
from verifiers.code.guest.codec import Encoder
from verifiers.code.reference import OracleTests
from verifiers.code.score import Results, status

KEPT = 512
"""Tasks whose expected values are kept."""
REL_TOL, ABS_TOL = 1e-7, 1e-6


class Oracle:
    """Keeps the expected values of the tasks."""

    def __init__(self) -> None:
        self._known: dict[str, Answers] = {}

    async def results(self, sandbox: Sandbox, program: Program, tests: OracleTests, stop: bool) -> Results:
        calls = [[{"name": tests.entry_point}, None, Encoder().encode(args), {}] for args in tests.inputs()]
        expected = await self.expected(sandbox, tests, calls)
        answers = await make_calls(sandbox, program, calls, stop=stop)

        def passes(index: int) -> bool:
            return same(expected.value(index), answers.value(index), tests.atol or ABS_TOL)

        return Results([status(passes, index) for index in range(len(calls))], answers.message)

    async def expected(self, sandbox: Sandbox, tests: OracleTests, calls: list[Any]) -> Answers:
        key = tests.model_dump_json()
        if key not in self._known:
            text = complete(tests.prompt, tests.canonical_solution, tests.entry_point)
            answers = await make_calls(sandbox, Program(text, tests), calls)
            try:
                for index in range(len(calls)):
                    answers.value(index)
            except CallFailed as failure:
                raise VerifierError(
                    f"canonical_solution fails on input {index}: {failure} {answers.message}"
                ) from failure
            while len(self._known) >= KEPT:
                del self._known[next(iter(self._known))]
            self._known[key] = answers
        return self._known[key]


def same(expected: Any, actual: Any, tolerance: float) -> bool:
    """Exact but for floats, which may stand beside any number."""
    if isinstance(expected, float) and type(actual) in (int, float):
        return (
            bool(expected == actual)
            or close(expected, actual, tolerance)
            or (expected != expected and actual != actual)
        )
    if type(expected) is not type(actual):
        return bool(expected == actual) and not isinstance(expected, (list, tuple))
    if isinstance(expected, (list, tuple)):
        pairs = zip(expected, actual, strict=False)
        return len(expected) == len(actual) and all(same(one, two, tolerance) for one, two in pairs)
    if isinstance(expected, dict):
        return expected.keys() == actual.keys() and all(
            same(value, actual[key], tolerance) for key, value in expected.items()
        )
    return bool(expected == actual)


def close(expected: float, actual: float, tolerance: float) -> bool:
    try:
        return math.isclose(actual, expected, rel_tol=REL_TOL, abs_tol=tolerance)
    except OverflowError:  # an integer beyond every float
        return False
