"""Makes calls into an untrusted program, in one sandbox run where possible, and brings the plain values back."""

import time
from dataclasses import dataclass, field
from typing import Any

from sandbox import Sandbox
from verifiers.code.guest.codec import Malformed, decode
from verifiers.code.reference import Tests
from verifiers.code.run import Reports, run_guest

START_S = 5.0
"""Wall seconds for everything of a run but the tests themselves."""
TOTAL_S = 60.0
"""Wall seconds after which the calls of one response are given up, unless a single one may take longer."""


class CallFailed(Exception):
    """The call brought no value. The message is the status of its test: `runtime_error`, `time_limit`, ..."""


@dataclass(slots=True)
class Answers:
    """What the calls returned, by index, as the guest wrote it; and why the rest are missing."""

    outcomes: dict[int, dict[str, Any]] = field(default_factory=dict)
    failures: dict[int, str] = field(default_factory=dict)
    """Status of calls during which the program died."""
    broken: str = ""
    """The program did not load: `syntax_error`, `runtime_error`, `time_limit`, ..."""
    message: str = ""

    def value(self, index: int) -> Any:
        """Raises CallFailed."""
        outcome = self.outcomes.get(index)
        if outcome is None:
            raise CallFailed(self.failures.get(index) or self.broken or "not_run")
        if "value" not in outcome:
            raise CallFailed(status_of_error(outcome.get("error")))
        try:
            return decode(outcome["value"])
        except (Malformed, RecursionError) as error:
            raise CallFailed("runtime_error") from error


@dataclass(frozen=True, slots=True)
class Program:
    """Source text of the program under test and how it is run."""

    text: str
    tests: Tests
    convenience: bool = False
    """Supply the standard names that contest judges supply."""


async def make_calls(
    sandbox: Sandbox,
    program: Program,
    calls: list[list[Any]],
    *,
    stop: bool = False,
    resume: bool = True,
    watch: bool = False,
) -> Answers:
    """Every call in order, or up to the first that fails with `stop`. The program is loaded even without calls.

    After a death `resume` puts the rest into a new run; calls that refer to earlier results cannot be resumed.
    `watch` reports arguments that the program changed.
    """
    answers, first, started = Answers(), 0, time.monotonic()
    while True:
        rest = calls[first:]
        reports = await run_guest(sandbox, "calls", job(program, rest, stop, watch), *limits(program.tests, len(rest)))
        read(reports, answers, first)
        died = next((index for index in range(first, len(calls)) if index not in answers.outcomes), len(calls))
        if answers.broken or died == len(calls) or ["end"] in reports.lines:
            return answers
        answers.failures[died] = "runtime_error" if reports.ending == "ok" else reports.ending
        answers.message = answers.message or reports.message
        first = died + 1
        if stop or not resume or first == len(calls) or time.monotonic() - started > TOTAL_S:
            return answers


def job(program: Program, calls: list[list[Any]], stop: bool, watch: bool) -> dict[str, Any]:
    seconds = program.tests.time_limit_s
    return {
        "program": program.text,
        "convenience": program.convenience,
        "calls": calls,
        "cpu_s": seconds,
        "wall_s": 3 * seconds,
        "stop": stop,
        "watch": watch,
    }


def limits(tests: Tests, count: int) -> tuple[float, int]:
    """Wall seconds and MiB of a run of `count` tests."""
    longest = 3 * tests.time_limit_s
    return START_S + min(longest * (count + 1), max(TOTAL_S, longest)), tests.memory_mb


def read(reports: Reports, answers: Answers, first: int) -> None:
    """Sort the reports of one run into `answers`. The first report of a call counts."""
    for line in reports.lines:
        if line[0] in ("syntax", "load") and len(line) == 2:
            answers.broken = "syntax_error" if line[0] == "syntax" else status_of_error(line[1])
            answers.message = text_of_error(line[1])
            return
        if type(line[0]) is int and len(line) == 2 and isinstance(line[1], dict):
            answers.outcomes.setdefault(first + line[0], line[1])
            answers.message = answers.message or text_of_error(line[1].get("error"))
    if ["loaded"] not in reports.lines:
        answers.broken = "runtime_error" if reports.ending == "ok" else reports.ending
        answers.message = reports.message


def status_of_error(error: Any) -> str:
    name = error[0] if isinstance(error, list) and error else None
    known = {"MemoryError": "memory_limit", "TooLarge": "output_limit", "SyntaxError": "runtime_error"}
    return known.get(name, "runtime_error") if isinstance(name, str) else "runtime_error"


def text_of_error(error: Any) -> str:
    """`ValueError: message`, for a person."""
    if not isinstance(error, list) or len(error) < 2:
        return ""
    return f"{error[0]}: {error[1]}"[:500].encode("utf-8", "replace").decode()
