"""Piston v2: `POST /api/v2/execute`, `GET /api/v2/runtimes` (open-r1's knob: `PISTON_ENDPOINTS`).

Times are in milliseconds and memory in bytes. The client tries five times on an error. Of several files the first is
the program.
"""

import base64
import platform
from collections.abc import Iterable
from typing import Literal

from fastapi import Request
from pydantic import BaseModel, Field

from sandbox import RunResult, SandboxError
from sandbox.languages import LANGUAGES, toolchain
from verifiers.problems import Problem
from verifiers.wire import door
from verifiers.wire.sandbox_fusion import exit_code

router = door.router("Piston")
WAIT_S = 60.0
"""How long a program may wait for its turn, besides its own time."""
LANGUAGE_NAMES = {
    "py": "python",
    "python3": "python",
    "c++": "cpp",
    "g++": "cpp",
    "node": "javascript",
    "js": "javascript",
    "sh": "bash",
}
ENCODINGS = {"base64": 64, "hex": 16}


class File(BaseModel):
    name: str = ""
    content: str
    encoding: Literal["utf8", "base64", "hex"] = "utf8"

    def data(self) -> bytes:
        try:
            if self.encoding == "base64":
                return base64.b64decode(self.content, validate=True)
            return bytes.fromhex(self.content) if self.encoding == "hex" else self.content.encode()
        except ValueError as error:
            raise Problem(400, f"file {self.name!r} is not {self.encoding}: {error}", "invalid-request") from None


class Execute(BaseModel):
    language: str = Field(json_schema_extra=door.language_enum(LANGUAGE_NAMES))
    version: str = "*"
    files: list[File] = Field(min_length=1, max_length=1000)
    stdin: str = ""
    args: list[str] = Field(default=[], max_length=1000)
    compile_timeout: door.Whole = Field(default=10_000, ge=1, le=600_000)
    run_timeout: door.Whole = Field(default=3_000, ge=1, le=600_000)
    compile_memory_limit: door.Whole = -1
    run_memory_limit: door.Whole = -1


class Stage(BaseModel):
    stdout: str
    stderr: str
    output: str
    code: int | None
    signal: str | None


class Executed(BaseModel):
    language: str
    version: str
    run: Stage
    compile: Stage | None = None


class Runtime(BaseModel):
    language: str
    version: str
    aliases: list[str]


@router.post("/api/v2/execute", response_model_exclude_unset=True)
async def execute(request: Request, body: Execute) -> Executed:
    """Run a program."""
    main, *others = body.files
    memory = body.run_memory_limit / 2**20 if body.run_memory_limit > 0 else 1024
    program = door.program(
        body.language,
        main.data().decode("utf-8", "replace"),
        LANGUAGE_NAMES,
        body.run_timeout / 1e3,
        memory,
        stdin=body.stdin,
        args=body.args,
        files={file.name or f"file{number}.code": file.data() for number, file in enumerate(others)},
    )
    seconds = (body.compile_timeout + body.run_timeout) / 1e3 + WAIT_S
    result = await door.run(request, program, door.Patience(seconds, 503))
    stage = _stage(result)
    if result.status == "compile_error":
        nothing = Stage(stdout="", stderr="", output="", code=None, signal=None)
        return Executed(language=program.language, version=version(program.language), run=nothing, compile=stage)
    return Executed(language=program.language, version=version(program.language), run=stage)


@router.get("/api/v2/runtimes")
async def runtimes() -> list[Runtime]:
    """The languages that this machine has."""
    return [Runtime(language=name, version=version(name), aliases=_aliases(name)) for name in _installed()]


def version(language: str) -> str:
    """Python's own. Of the others only that they are there: a compiler is not started to be asked."""
    return platform.python_version() if language == "python" else "0.0.0"


def _installed() -> Iterable[str]:
    for name, language in LANGUAGES.items():
        try:
            if not toolchain(language).missing:
                yield name
        except SandboxError:
            continue


def _aliases(language: str) -> list[str]:
    return [alias for alias, name in LANGUAGE_NAMES.items() if name == language]


def _stage(result: RunResult) -> Stage:
    killed = result.status in ("timeout", "memory", "output", "killed") or result.signal
    return Stage(
        stdout=result.stdout,
        stderr=result.stderr,
        output=result.stdout + result.stderr,
        code=None if killed else exit_code(result),
        signal="SIGKILL" if result.status != "error" and killed else f"SIG{result.signal}" if killed else None,
    )
