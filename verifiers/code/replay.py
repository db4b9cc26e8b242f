"""Tests that cannot be turned into calls and comparisons: the test code runs in a sandbox of its own, on a record.

The program makes the calls in one run and its plain results go into a second, which holds the test and no program. To
learn the calls, the test first runs against an empty record; that pass depends on the task alone and is kept. A test
whose calls depend on results comes back with more of them, and the program is asked again.
"""

import ast
import json
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from sandbox import Sandbox
from verifiers.base import VerifierError
from verifiers.code.calls import Answers, Program, make_calls
from verifiers.code.extract import holds
from verifiers.code.reference import AssertTests, CheckTests
from verifiers.code.run import run_guest
from verifiers.code.score import Results
from verifiers.code.turn import bound_names, free_names, program_names

MAX_PASSES = 24
"""Rounds of asking the program before a test is given up as undecided."""
WALL_S, MEMORY_MB = 60.0, 1024
"""Limits of test code."""
KEPT = 2048
"""Tasks whose first pass is kept."""


class UndecidedTests(Exception):
    """The test code ran out of its budget on what this program returned."""


class Unsendable(Exception):
    """The test gives the program values that cannot be sent, so it can only run in the program's process."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One run of the test code."""

    calls: list[list[Any]]
    unknown: bool
    """Some calls were not in the record: statuses mean nothing yet, `calls` are what to ask for."""
    weak: bool
    """Objects of the program were compared by the program's own code."""
    statuses: list[list[str]]
    objects: list[str]


class Replayer:
    """Keeps what the first pass of each task found."""

    def __init__(self) -> None:
        self._first: OrderedDict[str, Pass | Unsendable] = OrderedDict()

    async def results(self, sandbox: Sandbox, program: Program, tests: AssertTests | CheckTests) -> Results:
        """Raises UndecidedTests, Unsendable, and VerifierError for test code that does not run."""
        job = test_job(tests)
        last = await self.first_pass(sandbox, job)
        objects = last.objects
        for _ in range(MAX_PASSES):
            answers = await make_calls(sandbox, program, last.calls, resume=False, watch=True)
            if answers.broken:
                return Results([answers.broken] * tests.count(), answers.message)
            record = recorded(last.calls, answers)
            last = await replay(sandbox, {**job, "record": record, "objects": objects})
            if not last.unknown:
                return results_of(last, answers, tests)
        raise UndecidedTests("each result leads to more calls")

    async def first_pass(self, sandbox: Sandbox, job: dict[str, Any]) -> Pass:
        key = json.dumps(job)
        if key not in self._first:
            try:
                self._first[key] = await replay(sandbox, {**job, "record": [], "objects": []})
            except Unsendable as error:
                self._first[key] = error
            while len(self._first) > KEPT:
                self._first.popitem(last=False)
        found = self._first[key]
        if isinstance(found, Unsendable):
            raise found
        return found


def test_job(tests: AssertTests | CheckTests) -> dict[str, Any]:
    """What the guest needs to run the test code; `names` are those of the program."""
    if isinstance(tests, CheckTests):
        setup = f"{tests.prompt}\n    pass\n" if holds(tests.prompt, tests.entry_point) else tests.prompt
        names = free_names([ast.parse(setup), ast.parse(tests.test)]) | {tests.entry_point}
        return {"setup": setup, "units": [tests.test], "entry": tests.entry_point, "names": sorted(names)}
    units = [ast.parse(text) for text in tests.all_tests()]
    names = program_names(units) - bound_names([ast.parse(tests.setup())])
    return {"setup": tests.setup(), "units": tests.all_tests(), "entry": None, "names": sorted(names)}


async def replay(sandbox: Sandbox, job: dict[str, Any]) -> Pass:
    reports = await run_guest(sandbox, "replay", job, WALL_S, MEMORY_MB)
    line = reports.lines[0] if reports.lines else []
    if line[:1] == ["unsendable"]:
        raise Unsendable(line[1])
    if line[:1] == ["replayed"]:
        return Pass(*line[1:])
    if reports.ending == "runtime_error" and not job["record"]:
        raise VerifierError(f"the test code of the reference fails by itself: {reports.message}")
    raise UndecidedTests(f"test code ended with {reports.ending}: {reports.message}")


def recorded(calls: list[list[Any]], answers: Answers) -> list[list[Any]]:
    """Calls with their outcomes, up to the one during which the program died."""
    record: list[list[Any]] = []
    for index, call in enumerate(calls):
        outcome = answers.outcomes.get(index)
        record.append([call, outcome or {"died": answers.failures.get(index, "not_run")}])
        if outcome is None:
            break
    return record


def results_of(last: Pass, answers: Answers, tests: AssertTests | CheckTests) -> Results:
    statuses = collected(last.statuses, tests)
    if answers.failures and "not_run" in statuses:
        statuses[statuses.index("not_run")] = next(iter(answers.failures.values()))
    return Results(statuses, answers.message, "weak" if last.weak else "strong")


def collected(units: list[list[str]], tests: AssertTests | CheckTests) -> list[str]:
    """One status a test: the assertions of a `check` are tests of their own, those of one listed text are one test."""
    if isinstance(tests, CheckTests):
        return units[0]
    return [next((status for status in unit if status != "passed"), "passed") for unit in units]
