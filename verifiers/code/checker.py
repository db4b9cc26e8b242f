"""Answers judged by the task's own checker program: run apart from the program under test, on three files.

`checker INPUT EXPECTED ACTUAL`, as testlib has it: exit code 0 accepts, 1 and 2 refuse, anything else is a fault of the
checker and says nothing of the answer.
"""

import asyncio

from sandbox import Limits, RunRequest, Sandbox
from verifiers.base import VerifierError
from verifiers.code.reference import Tests

FILES = ("input.txt", "expected.txt", "actual.txt")
WALL_S, MEMORY_MB = 20.0, 1024
"""Limits of the checker; the task's own are for the program under test."""


async def check_all(sandbox: Sandbox, tests: Tests, cases: list[tuple[str, str, str]]) -> list[bool]:
    """One verdict a case of input, expected and actual text. Raises VerifierError when the checker fails."""
    return list(await asyncio.gather(*(check(sandbox, tests, case) for case in cases)))


async def check(sandbox: Sandbox, tests: Tests, case: tuple[str, str, str]) -> bool:
    files = {name: text.encode("utf-8", "replace") for name, text in zip(FILES, case, strict=True)}
    limits = Limits(wall_s=WALL_S, memory_mb=MEMORY_MB)
    result = await sandbox.arun(RunRequest("python", tests.checker or "", files=files, args=FILES, limits=limits))
    if result.status == "ok" or (
        result.status == "error" and result.exit_code in (1, 2) and not crashed(result.stderr)
    ):
        return result.status == "ok"
    raise VerifierError(f"the checker ended with {result.status}, exit code {result.exit_code}: {result.stderr[-300:]}")


def crashed(stderr: str) -> bool:
    """An uncaught exception of the checker exits with 1 as well, but judges nothing."""
    return "Traceback (most recent call last)" in stderr
