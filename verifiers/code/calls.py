"""Has a guest run items of work beside an untrusted program, in one sandbox run where possible.

An item is a call, a standard input or a unit of test code; its outcome is what the guest reported of it.
"""

import time
from dataclasses import dataclass, field
from typing import Any

from sandbox import Sandbox
from verifiers.code.guest.codec import Malformed, decode
from verifiers.code.reference import Tests
from verifiers.code.run import OUTPUT_BYTES, Reports, run_guest

START_S = 5.0
"""Wall seconds for everything of a run but the tests themselves."""
TOTAL_S = 60.0
"""Wall seconds after which the tests of one response are given up, unless a single one may take longer."""
SIGNALS = {-27: "time_limit", -14: "time_limit", -9: "memory_limit", -25: "output_limit"}
"""How a script ended: by the guest's timers, by the kernel for want of memory, by its limit of file size."""


class CallFailed(Exception):
    """The item brought no value. The message is the status of its test: `runtime_error`, `time_limit`, ..."""


@dataclass(slots=True)
class Answers:
    """The outcomes by index, as the guest wrote them; and why the rest are missing."""

    outcomes: dict[int, dict[str, Any]] = field(default_factory=dict)
    failures: dict[int, str] = field(default_factory=dict)
    """Status of items during which the program died."""
    broken: str = ""
    """The program did not load: `syntax_error`, `runtime_error`, `time_limit`, ..."""
    message: str = ""

    def outcome(self, index: int) -> dict[str, Any]:
        """Raises CallFailed when there is none."""
        if index not in self.outcomes:
            raise CallFailed(self.broken or self.failures.get(index, "not_run"))
        return self.outcomes[index]

    def value(self, index: int) -> Any:
        """What the call returned, as plain data. Raises CallFailed."""
        outcome = self.outcome(index)
        if "value" not in outcome:
            raise CallFailed(status_of_error(outcome.get("error")))
        try:
            return decode(outcome["value"])
        except (Malformed, RecursionError) as error:
            raise CallFailed("runtime_error") from error

    def output(self, index: int) -> str:
        """What the script wrote to standard output. Raises CallFailed unless it ended well."""
        outcome = self.outcome(index)
        if outcome.get("cut"):
            raise CallFailed("output_limit")
        code, output = outcome.get("exit"), outcome.get("output")
        if type(code) is not int or code != 0 or not isinstance(output, str):
            out_of_memory = "MemoryError" in str(outcome.get("errors"))
            how = SIGNALS.get(code, "runtime_error") if type(code) is int else "runtime_error"
            raise CallFailed("memory_limit" if out_of_memory else how)
        return output.encode("utf-8", "replace").decode()


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
    items: list[Any],
    *,
    guest: str = "calls",
    stop: bool = False,
    resume: bool = True,
    **more: Any,
) -> Answers:
    """Every item in order, or up to the first that fails with `stop`. The program is loaded even without items.

    After a death `resume` puts the rest into a new run; calls that refer to earlier results cannot be resumed.
    """
    answers, first, started = Answers(), 0, time.monotonic()
    while True:
        rest = items[first:]
        job = {**base_job(program, stop), "items": rest, **more}
        reports = await run_guest(sandbox, guest, job, *limits(program.tests, len(rest)))
        read(reports, answers, first)
        died = next((index for index in range(first, len(items)) if index not in answers.outcomes), len(items))
        if answers.broken or died == len(items) or ["end"] in reports.lines:
            return answers
        answers.failures[died] = "runtime_error" if reports.ending == "ok" else reports.ending
        answers.message = answers.message or reports.message
        first = died + 1
        if stop or not resume or first == len(items) or time.monotonic() - started > TOTAL_S:
            return answers


def base_job(program: Program, stop: bool) -> dict[str, Any]:
    seconds = program.tests.time_limit_s
    return {
        "program": program.text,
        "convenience": program.convenience,
        "cpu_s": seconds,
        "wall_s": 3 * seconds,
        "output_bytes": OUTPUT_BYTES // 4,
        "stop": stop,
        "watch": False,
    }


def limits(tests: Tests, count: int) -> tuple[float, int]:
    """Wall seconds and MiB of a run of `count` tests."""
    longest = 3 * tests.time_limit_s
    return START_S + min(longest * (count + 1), max(TOTAL_S, longest)), tests.memory_mb


def read(reports: Reports, answers: Answers, first: int) -> None:
    """Sort the reports of one run into `answers`. The first report of an item counts."""
    for line in reports.lines:
        if line[0] in ("syntax", "load") and len(line) == 2:
            answers.broken = "syntax_error" if line[0] == "syntax" else status_of_error(line[1])
            answers.message = text_of_error(line[1])
            return
        if type(line[0]) is int and len(line) == 2 and isinstance(line[1], dict):
            answers.outcomes.setdefault(first + line[0], line[1])
            answers.message = answers.message or text_of_outcome(line[1])
    if ["loaded"] not in reports.lines:
        answers.broken = "runtime_error" if reports.ending == "ok" else reports.ending
        answers.message = reports.message


def status_of_error(error: Any) -> str:
    name = error[0] if isinstance(error, list) and error else ""
    return {"MemoryError": "memory_limit", "TooLarge": "output_limit"}.get(str(name), "runtime_error")


def text_of_error(error: Any) -> str:
    """`ValueError: message`, for a person."""
    if not isinstance(error, list) or len(error) < 2:
        return ""
    return f"{error[0]}: {error[1]}"[:500].encode("utf-8", "replace").decode()


def text_of_outcome(outcome: dict[str, Any]) -> str:
    if outcome.get("exit"):
        return str(outcome.get("errors", ""))[-500:].encode("utf-8", "replace").decode()
    return text_of_error(outcome.get("error"))
