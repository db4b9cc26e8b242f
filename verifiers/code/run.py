"""One sandbox run of a guest module: job in on stdin, reports out on stdout, both as JSON.

Reports are read as data and nothing more. Lines without this run's token are not reports: they are what the program
wrote around the guest. What a report claims is judged elsewhere, against answers that the run never sees.
"""

import json
import marshal
import secrets
import signal
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import CodeType
from typing import Any

from sandbox import Limits, RunRequest, RunResult, Sandbox, SandboxError
from sandbox.process.program import KEPT

PACKAGE = "verifiers.code.guest"
OUTPUT_BYTES = 16 << 20
"""Of all reports of a run together."""

GUESTS = {
    "calls": ("codec", "calls"),
    "replay": ("codec", "stand_ins", "replay"),
    "inline": ("codec", "stand_ins", "replay", "calls", "inline"),
    "scripts": ("codec", "calls", "scripts"),
}
"""Modules of each guest, in the order of their imports."""

_BOOT = """\
import marshal, sys, types
sent = sys.stdin.buffer.read()
size = int(sent[:8], 16)
if kept := sys.modules.get({kept!r}):
    sys.modules.update(kept.modules)
else:
    for name, code in marshal.loads(sent[8:size]):
        entry = sys.modules[name] = types.ModuleType(name)
        exec(code, entry.__dict__)
sys.modules[{entry!r}].main(sent[size:])
"""
"""Takes the guest's modules from the sandbox where it keeps them, else from stdin, before its job: as source text they
would be compiled in every run."""


@dataclass(frozen=True, slots=True)
class Reports:
    """What a run sent, and how it ended: a run status, or `time_limit`, `memory_limit`, `output_limit`."""

    lines: list[list[Any]]
    ending: str
    message: str = ""


@cache
def guest_modules(*guests: str) -> dict[str, CodeType]:
    """Code by name of these guests and what they import, of all by default, in the order of their imports."""
    parts = dict.fromkeys(part for guest in guests or GUESTS for part in GUESTS[guest])
    sources = {part: resources.files(PACKAGE).joinpath(f"{part}.py").read_text() for part in parts}
    return {
        f"{PACKAGE}.{part}": compile(source, f"{part}.py", "exec", dont_inherit=True, optimize=2)
        for part, source in sources.items()
    }


@cache
def _packed(guest: str) -> bytes:
    """A guest's modules behind their length. The sandbox runs the interpreter that we run."""
    blob = marshal.dumps([*guest_modules(guest).items()])
    return f"{len(blob) + 8:08x}".encode() + blob


async def run_guest(sandbox: Sandbox, name: str, job: dict[str, Any], wall_s: float, memory_mb: int) -> Reports:
    """Raises SandboxError when the sandbox failed: that says nothing of the program."""
    token = secrets.token_hex(16)
    request = RunRequest(
        language="python",
        code=_BOOT.format(kept=KEPT, entry=f"{PACKAGE}.{name}"),
        stdin=_packed(name) + json.dumps({"token": token, **job}).encode(),
        limits=Limits(wall_s=wall_s, memory_mb=memory_mb, output_bytes=OUTPUT_BYTES),
    )
    result = await run_twice_if_killed(sandbox, request)
    if result.status in ("sandbox_error", "compile_error"):
        raise SandboxError(f"{result.status}: {result.stderr[-500:]}")
    lines = [line for text in result.stdout.split("\n") if (line := read_report(text, token)) is not None]
    return Reports(lines, ending(result.status, result.signal), result.stderr[-500:])


async def run_twice_if_killed(sandbox: Sandbox, request: RunRequest) -> RunResult:
    """The outcome; of the second run if the first was killed hard by somebody who is not the sandbox.

    It may be the program itself, which must not be forgiven for it, or the machine that ran out of memory, for which
    the program must not be blamed. Who does it twice did it.
    """
    result = await sandbox.arun(request)
    if result.status in ("error", "killed", "compile_error") and result.signal == signal.SIGKILL:
        result = await sandbox.arun(request)
    return result


def read_report(text: str, token: str) -> list[Any] | None:
    if not text.startswith(token):
        return None
    try:
        report = json.loads(text[len(token) :])
    except (ValueError, RecursionError):
        return None
    return report if isinstance(report, list) and report else None


def ending(status: str, number: int | None) -> str:
    """The run's end in a judge's words. SIGALRM and SIGPROF are the guest's own timers."""
    if status == "timeout" or (status == "error" and number in (14, 27)):
        return "time_limit"
    return {"memory": "memory_limit", "output": "output_limit", "ok": "ok"}.get(status, "runtime_error")
