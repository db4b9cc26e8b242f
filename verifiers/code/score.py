"""From the statuses of the tests to a verdict."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from verifiers.base import Verdict
from verifiers.code.calls import CallFailed
from verifiers.code.reference import CodeParams, Tests

TestStatus = Literal[
    "passed", "wrong_answer", "runtime_error", "time_limit", "memory_limit", "output_limit", "syntax_error", "not_run"
]
MAX_LISTED = 100
"""Tests listed in a verdict's details. The counts are always of all."""
MAX_SHOWN, SHOWN_CHARACTERS = 3, 200
"""Wrong answers shown there, and how much of each."""


@dataclass(frozen=True, slots=True)
class Results:
    """One status a test, in order."""

    statuses: Sequence[str]
    message: str = ""
    strength: Literal["strong", "weak"] = "strong"
    """`weak`: some test could only be run inside the program's own process, where a program can read it."""
    shown: Callable[[int], str] | None = None
    """What the program gave in a test that ran to its end, for a reader; None where that is not known."""


def status(passes: Callable[[int], bool], index: int) -> str:
    """The status of one test; `passes` may raise CallFailed, which carries it."""
    try:
        return "passed" if passes(index) else "wrong_answer"
    except CallFailed as failure:
        return str(failure)


def written(value: Any) -> str:
    """`repr`, of values that Python does not refuse to write."""
    try:
        return repr(value)
    except ValueError:  # an integer of more digits than `sys.get_int_max_str_digits()`
        return f"{type(value).__name__} too long to be written"


def verdict_of(results: Results, tests: Tests, params: CodeParams, program: str) -> Verdict:
    """All-or-nothing unless asked otherwise. The reason is the status of the first test that failed."""
    statuses = list(results.statuses)
    if params.stop_at_first_failure:
        failed = next((index for index, status in enumerate(statuses) if status != "passed"), len(statuses))
        statuses[failed + 1 :] = ["not_run"] * len(statuses[failed + 1 :])
    passed = [status == "passed" for status in statuses]
    reason = next((status for status in statuses if status != "passed"), "passed")
    return Verdict.of_score(
        score(passed, tests, params), reason, extracted=program, details=details(statuses, results, sum(passed))
    )


def score(passed: list[bool], tests: Tests, params: CodeParams) -> float:
    if params.scoring == "all" or all(passed):
        return float(all(passed))
    weights = tests.weights if params.scoring == "weighted" and tests.weights else [1.0] * len(passed)
    return min(1.0, sum(weight for weight, ok in zip(weights, passed, strict=True) if ok) / sum(weights))


def details(statuses: list[str], results: Results, passed: int) -> dict[str, Any]:
    listed: list[dict[str, Any]] = [{"index": i, "status": status} for i, status in enumerate(statuses[:MAX_LISTED])]
    wrong = [test for test in listed if test["status"] == "wrong_answer"]
    if results.shown:
        for test in wrong[:MAX_SHOWN]:
            test["actual"] = results.shown(test["index"])[:SHOWN_CHARACTERS]
    message = {"message": results.message} if results.message and passed < len(statuses) else {}
    return {"passed": passed, "total": len(statuses), "tests": listed, "strength": results.strength, **message}
