"""NeMo-Skills' sandbox: `POST /execute`, `DELETE /sessions/{id}`, with `GET /health` of open-instruct's file.

Programs run on their own, so a stateful `ipython` session is refused rather than half served. The client waits five
seconds longer than the limit that it sends, and takes 502 for a time-out, so busy is 503.
"""

from typing import Literal

from fastapi import Request
from pydantic import BaseModel, Field

from sandbox import RunResult
from verifiers.wire import door

router = door.router("NeMo-Skills")
GRACE_S = 4.0
MEMORY_MB = 1024
LANGUAGE_NAMES = {"python3": "python", "pypy3": "python", "shell": "bash"}


class Execute(BaseModel):
    """A program and what it reads."""

    generated_code: str
    std_input: str = ""
    timeout: door.Seconds = 10.0
    language: str = Field(default="ipython", json_schema_extra=door.language_enum(LANGUAGE_NAMES))
    max_output_characters: door.Whole = Field(default=1000, ge=0)


class Executed(BaseModel):
    process_status: Literal["completed", "error", "timeout"]
    stdout: str
    stderr: str
    new_session_created: bool = True


class Deleted(BaseModel):
    message: str


@router.post("/execute")
async def execute(request: Request, body: Execute) -> Executed:
    """Run a program."""
    program = door.program(
        body.language, body.generated_code, LANGUAGE_NAMES, body.timeout, MEMORY_MB, stdin=body.std_input
    )
    result = await door.run(request, program, door.Patience(body.timeout + GRACE_S, 503))
    most = body.max_output_characters
    return Executed(process_status=_status(result), stdout=result.stdout[:most], stderr=result.stderr[:most])


@router.delete("/sessions/{session}")
async def delete_session(session: str) -> Deleted:
    return Deleted(message=f"session {session} holds nothing here")


def _status(result: RunResult) -> Literal["completed", "error", "timeout"]:
    if result.status == "timeout":
        return "timeout"
    return "completed" if result.status == "ok" else "error"
