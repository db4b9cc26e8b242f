"""Tests that can only run in the program's own process. The verdict says so: `strength` is `weak`."""

from sandbox import Sandbox
from verifiers.code.calls import CallFailed, Program, make_calls
from verifiers.code.reference import AssertTests, CheckTests
from verifiers.code.replay import collected, test_job
from verifiers.code.score import Results


async def inline_results(sandbox: Sandbox, program: Program, tests: AssertTests | CheckTests) -> Results:
    job = test_job(tests)
    answers = await make_calls(
        sandbox, program, job["units"], guest="inline", setup=job["setup"], names=job["names"], entry=job["entry"]
    )
    if answers.broken:
        return Results([answers.broken] * tests.count(), answers.message, "weak")
    units: list[list[str]] = []
    for index in range(len(job["units"])):
        try:
            units.append([str(status) for status in answers.outcome(index).get("statuses", ["runtime_error"])])
        except CallFailed as failure:
            units.append([str(failure)])
    statuses = collected(units, tests)
    return Results(statuses + ["not_run"] * (tests.count() - len(statuses)), answers.message, "weak")
