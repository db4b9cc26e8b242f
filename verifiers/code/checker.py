"""Answers judged by the task's own checker program: run apart from the program under test, on three files.

`checker INPUT EXPECTED ACTUAL`, as testlib has it: exit code 0 accepts, 1 and 2 refuse. A checker that breaks on an
answer refuses it, provided that it takes the expected one; a checker that breaks on that too is a fault of the task.
"""

import asyncio

from sandbox import Limits, RunRequest, RunResult, Sandbox, SandboxError
from verifiers.base import VerifierError
from verifiers.code.reference import Tests
from verifiers.code.run import run_twice_if_killed

FILES = ("input.txt", "expected.txt", "actual.txt")
WALL_S, MEMORY_MB = 20.0, 1024
"""Limits of the checker; the task's own are for the program under test."""

Case = tuple[str, str, str]
"""Texts of the input, the expected and the actual answer."""


async def check_all(sandbox: Sandbox, tests: Tests, cases: list[Case]) -> list[bool]:
    """One decision a case, in order. Raises VerifierError when the checker is broken."""
    return list(await asyncio.gather(*(check(sandbox, tests, case) for case in cases)))


async def check(sandbox: Sandbox, tests: Tests, case: Case) -> bool:
    result = await run_checker(sandbox, tests, case)
    if decided(result):
        return result.status == "ok"
    given, expected, _ = case
    control = await run_checker(sandbox, tests, (given, expected, expected))
    if control.status != "ok":
        raise VerifierError(
            f"the checker refuses the expected answer: {control.status}, exit code {control.exit_code}: "
            f"{control.stderr[-300:]}"
        )
    return False


async def run_checker(sandbox: Sandbox, tests: Tests, case: Case) -> RunResult:
    files = {name: text.encode("utf-8", "replace") for name, text in zip(FILES, case, strict=True)}
    limits = Limits(wall_s=WALL_S, memory_mb=MEMORY_MB)
    request = RunRequest("python", tests.checker or "", files=files, args=FILES, limits=limits)
    result = await run_twice_if_killed(sandbox, request)
    if result.status == "sandbox_error":
        raise SandboxError(f"sandbox_error: {result.stderr[-500:]}")
    return result


def decided(result: RunResult) -> bool:
    """An uncaught exception of the checker exits with 1 as well, but decides nothing."""
    refused = result.status == "error" and result.exit_code in (1, 2)
    return result.status == "ok" or (refused and "Traceback (most recent call last)" not in result.stderr)
