"""Runs an untrusted program from its first line to its last, once for each standard input, and reports what it wrote.

Each time in a copy of this process, so that all start alike and none sees another's state. No expected output is here.
"""

import atexit
import contextlib
import json
import os
import resource
import signal
import sys
import threading
import traceback
from types import CodeType, ModuleType
from typing import Any, NoReturn

from verifiers.code.guest.calls import arm, describe, reporter, supply

ERROR_BYTES = 500
"""Of the end of standard error, kept for a person to read."""


def main(sent: bytes) -> NoReturn:
    work(json.loads(sent))
    os._exit(0)


def work(job: dict[str, Any]) -> None:
    report = reporter(job["token"])
    module = ModuleType("__main__")
    try:
        code = compile(job["program"], "main.py", "exec", dont_inherit=True)
        supply(job["program"], code, module)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        report(["syntax", describe(error)])
        return
    report(["loaded"])
    for index, text in enumerate(job["items"]):
        outcome = run_once(code, module, text, job)
        report([index, outcome])
        if outcome["exit"] and job["stop"]:
            break
    report(["end"])


def run_once(code: CodeType, module: ModuleType, text: str, job: dict[str, Any]) -> dict[str, Any]:
    """Exit code (negative: the signal), output, whether it was cut, and the end of standard error."""
    streams = [open_file() for _ in ("stdin", "stdout", "stderr")]
    with open(streams[0], "wb", closefd=False) as file:
        file.write(text.encode("utf-8", "replace"))
    os.lseek(streams[0], 0, os.SEEK_SET)
    pid = os.fork()
    if pid == 0:
        try:
            become_program(code, module, streams, job)
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    size, limit = os.fstat(streams[1]).st_size, job["output_bytes"]
    output = os.pread(streams[1], limit, 0)
    errors = os.pread(streams[2], ERROR_BYTES, max(0, os.fstat(streams[2]).st_size - ERROR_BYTES))
    for stream in streams:
        os.close(stream)
    return {
        "exit": os.waitstatus_to_exitcode(status),
        "output": output.decode("utf-8", "replace"),
        "cut": size > limit,
        "errors": errors.decode("utf-8", "replace"),
    }


def open_file() -> int:
    """A file without a name: in memory, or in /tmp where the sandbox has no control groups to count such memory by."""
    try:
        return os.memfd_create("stream")
    except PermissionError:
        return os.open("/tmp", os.O_TMPFILE | os.O_RDWR, 0o600)


def become_program(code: CodeType, module: ModuleType, streams: list[int], job: dict[str, Any]) -> NoReturn:
    """As `python main.py` does it: own streams, `__main__`, exit code, threads awaited, exit handlers, a last flush."""
    os.setsid()
    for standard, stream in enumerate(streams):
        os.dup2(stream, standard)
    os.closerange(3, 256)
    resource.setrlimit(resource.RLIMIT_FSIZE, (job["output_bytes"] + 1,) * 2)
    sys.stdin = sys.__stdin__ = open_stream(0, "r", "strict")  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = open_stream(1, "w", "strict")  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = open_stream(2, "w", "backslashreplace")  # type: ignore[misc]
    sys.argv = ["main.py"]
    sys.modules["__main__"] = module
    arm(job["cpu_s"], job["wall_s"])
    status = execute(code, module)
    for step in (threading._shutdown, atexit._run_exitfuncs):  # type: ignore[attr-defined]
        try:
            step()
        except BaseException:
            status = status or 1
    os._exit(flush(status))


def open_stream(descriptor: int, mode: str, errors: str) -> Any:
    return open(descriptor, mode, encoding="utf-8", errors=errors, closefd=False)


def execute(code: CodeType, module: ModuleType) -> int:
    try:
        exec(code, module.__dict__)
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return (error.code or 0) & 0xFF
        sys.stderr.write(f"{error.code}\n")
        return 1
    except BaseException:
        traceback.print_exc(limit=-5)
        return 1
    return 0


def flush(status: int) -> int:
    """CPython's exit code when the last flush fails is 120."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        return status or 120
    return status
