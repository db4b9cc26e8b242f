"""Judge0: `POST /submissions/?wait=true` (ms-swift's knobs: `JUDGE0_ENDPOINT`, `JUDGE0_X_AUTH_TOKEN`, a key of ours).

Every submission is answered at once, so there is nothing to fetch by its token. The client makes 0 of any error, so
it waits.
"""

import base64
import secrets
from typing import Annotated

from fastapi import Query, Request
from pydantic import BaseModel, Field, Strict

from sandbox import RunResult
from verifiers.problems import Problem
from verifiers.wire import door
from verifiers.wire.sandbox_fusion import exit_code

router = door.router("Judge0")
PATIENCE = door.Patience(280.0, 503)
"""The client, aiohttp with its defaults, waits 300 s."""
LANGUAGE_IDS = {
    **dict.fromkeys((70, 71, 92, 100, 109, 113), "python"),
    **dict.fromkeys((52, 53, 54, 76, 105), "cpp"),
    **dict.fromkeys((63, 93, 97, 102), "javascript"),
    **dict.fromkeys((62, 91, 96), "java"),
    **dict.fromkeys((60, 95, 106, 107), "go"),
    **dict.fromkeys((73, 108), "rust"),
    46: "bash",
}
DESCRIPTIONS = {
    3: "Accepted",
    4: "Wrong Answer",
    5: "Time Limit Exceeded",
    6: "Compilation Error",
    7: "Runtime Error (SIGSEGV)",
    8: "Runtime Error (SIGXFSZ)",
    9: "Runtime Error (SIGFPE)",
    10: "Runtime Error (SIGABRT)",
    11: "Runtime Error (NZEC)",
    12: "Runtime Error (Other)",
}
SIGNALS = {11: 7, 25: 8, 8: 9, 6: 10}


class Submission(BaseModel):
    """A program, and what it should write."""

    source_code: str
    language_id: door.Whole = Field(json_schema_extra={"enum": [*sorted(LANGUAGE_IDS)]})
    stdin: str | None = None
    expected_output: str | None = None
    cpu_time_limit: door.Seconds = 5.0
    wall_time_limit: door.Seconds = 10.0
    memory_limit: Annotated[float, Strict()] = Field(default=512_000, gt=0)
    """KiB."""


class Status(BaseModel):
    id: int
    description: str


class Result(BaseModel):
    token: str
    status: Status
    stdout: str | None
    stderr: str | None
    compile_output: str | None
    message: str | None = None
    exit_code: int | None
    exit_signal: int | None
    time: str
    wall_time: str
    memory: int


@router.post("/submissions", status_code=201, include_in_schema=False)
@router.post("/submissions/", status_code=201)
async def submit(
    request: Request,
    body: Submission,
    base64_encoded: Annotated[bool, Query(description="Texts are base64, both ways.")] = False,
    wait: Annotated[bool, Query(description="Answer with the result; there is no other way here.")] = True,
) -> Result:
    """Run a program, and compare what it wrote."""
    if not wait:
        raise Problem(422, "send `?wait=true`: results are not kept", "invalid-request")
    if body.language_id not in LANGUAGE_IDS:
        raise Problem(
            422, f"language_id must be one of {sorted(LANGUAGE_IDS)}, got {body.language_id}", "unknown-language"
        )
    given = {name: _text(getattr(body, name), base64_encoded) for name in ("source_code", "stdin", "expected_output")}
    program = door.program(
        LANGUAGE_IDS[body.language_id],
        given["source_code"] or "",
        {},
        min(body.wall_time_limit, 2 * body.cpu_time_limit),
        body.memory_limit / 1024,
        stdin=given["stdin"] or "",
    )
    result = await door.run(request, program, PATIENCE)
    return _result(result, _status(result, given["expected_output"]), base64_encoded)


def _status(result: RunResult, expected: str | None) -> int:
    if result.status == "compile_error":
        return 6
    if result.status == "timeout":
        return 5
    if result.status != "ok":
        return SIGNALS.get(result.signal or 0, 12 if result.exit_code is None else 11)
    return 3 if expected is None or _lines(result.stdout) == _lines(expected) else 4


def _lines(text: str) -> list[str]:
    """Judge0 overlooks blanks at the ends of lines and of the text."""
    return [line.rstrip() for line in text.rstrip().splitlines()]


def _result(result: RunResult, status: int, encoded: bool) -> Result:
    compiling = result.status == "compile_error"
    return Result(
        token=secrets.token_hex(16),
        status=Status(id=status, description=DESCRIPTIONS[status]),
        stdout=None if compiling else _packed(result.stdout, encoded),
        stderr=None if compiling else _packed(result.stderr, encoded),
        compile_output=_packed(result.stderr, encoded) if compiling else None,
        exit_code=None if compiling else exit_code(result),
        exit_signal=result.signal,
        time=f"{result.cpu_s:.3f}",
        wall_time=f"{result.wall_s:.3f}",
        memory=result.max_rss // 1024,
    )


def _text(text: str | None, encoded: bool) -> str | None:
    if not encoded or text is None:
        return text
    try:
        return base64.b64decode(text).decode("utf-8", "replace")
    except ValueError as error:
        raise Problem(422, f"not base64: {error}", "invalid-request") from None


def _packed(text: str, encoded: bool) -> str | None:
    return (base64.b64encode(text.encode()).decode() if encoded else text) or None
