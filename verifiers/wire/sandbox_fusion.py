"""SandboxFusion's `POST /run_code`, as verl, ROLL, tinker-cookbook and SandboxFusion's own client speak it.

verl scores 0 for anything but 200 and 504, and tries again on 504 only; SandboxFusion's client tries again on
everything but 200. So 504 it is. `/run_jupyter` and the data-set routes are left out.
"""

import base64
from typing import Annotated, Any, Literal

from fastapi import Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field, PlainSerializer

from sandbox import RunResult
from sandbox.languages import LANGUAGES
from verifiers.problems import Problem
from verifiers.wire import door

BUSY = 504
GRACE_S = 8.0
"""verl waits ten seconds longer than the limits that it sends."""
DEFAULT_MEMORY_MB = 1024
LANGUAGE_NAMES = {"nodejs": "javascript"}

router = door.router("SandboxFusion")
Rounded = Annotated[float, PlainSerializer(lambda seconds: round(seconds, 6))]


class RunCode(BaseModel):
    """A program, and base64 files by path. Keys that other versions send besides are passed over."""

    code: str
    language: str = Field(json_schema_extra=door.language_enum(LANGUAGE_NAMES))
    stdin: str | None = None
    compile_timeout: door.Seconds = 10.0
    run_timeout: door.Seconds = 10.0
    memory_limit_MB: door.Whole = -1
    files: dict[str, str | None] = {}
    fetch_files: list[str] = []


class CommandResult(BaseModel):
    status: Literal["Finished", "Error", "TimeLimitExceeded"]
    execution_time: Rounded | None = None
    return_code: int | None = None
    stdout: str | None = None
    stderr: str | None = None


class RunCodeAnswer(BaseModel):
    status: Literal["Success", "Failed", "SandboxError"]
    message: str
    compile_result: CommandResult | None = None
    run_result: CommandResult | None = None
    executor_pod_name: str | None = None
    files: dict[str, str] = {}


@router.post("/run_code")
async def run_code(request: Request, body: RunCode) -> RunCodeAnswer:
    """Run a program. A program that fails is an outcome, with status 200."""
    program = door.program(
        body.language,
        body.code,
        LANGUAGE_NAMES,
        body.run_timeout,
        body.memory_limit_MB if body.memory_limit_MB > 0 else DEFAULT_MEMORY_MB,
        stdin=body.stdin or "",
        files={path: _decoded(path, content or "") for path, content in body.files.items()},
        fetch=body.fetch_files,
    )
    patience = door.Patience(body.compile_timeout + body.run_timeout + GRACE_S, BUSY)
    return _answer(await door.run(request, program, patience), bool(LANGUAGES[program.language].compile))


@router.get("/v1/ping", response_class=PlainTextResponse)
async def ping() -> str:
    return "pong"


def _decoded(path: str, content: str) -> bytes:
    try:
        return base64.b64decode(content, validate=True)
    except ValueError as error:
        raise Problem(422, f"files: {path!r} is no base64: {error}", "invalid-request") from None


def _answer(result: RunResult, compiled: bool) -> RunCodeAnswer:
    if result.status == "compile_error":
        made = CommandResult(status="Finished", execution_time=result.wall_s, return_code=result.exit_code or 1)
        made.stdout, made.stderr = result.stdout, result.stderr
        return RunCodeAnswer(status="Failed", message="", compile_result=made)
    ran = CommandResult(
        status="TimeLimitExceeded" if result.status == "timeout" else "Finished",
        execution_time=result.wall_s,
        return_code=None if result.status == "timeout" else exit_code(result),
        stdout=result.stdout,
        stderr=result.stderr,
    )
    more: dict[str, Any] = {"compile_result": CommandResult(status="Finished", return_code=0)} if compiled else {}
    return RunCodeAnswer(
        status="Success" if ran.return_code == 0 else "Failed",
        message="",
        run_result=ran,
        files={path: base64.b64encode(content).decode() for path, content in result.files.items()},
        **more,
    )


def exit_code(result: RunResult) -> int:
    """As a shell has it: 128 and the signal for a program that was killed."""
    return result.exit_code if result.exit_code is not None else 128 + (result.signal or 9)
