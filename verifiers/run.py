"""`POST /v1/run`: a program in, its outcome out, by the sandbox that the code verifier uses."""

import base64
from dataclasses import asdict
from typing import Self

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field

from sandbox import Limits, RunRequest, RunResult
from sandbox.base import Status
from sandbox.languages import LANGUAGES


class RunLimits(BaseModel):
    """Ceilings of one run, as `sandbox.Limits`, within what a service lets anybody ask for."""

    model_config = ConfigDict(extra="forbid", strict=True)

    wall_s: float = Field(default=10.0, gt=0, le=120)
    memory_mb: int = Field(default=512, ge=16, le=4096)
    processes: int = Field(default=64, ge=1, le=256)
    output_bytes: int = Field(default=1 << 20, gt=0, le=16 << 20)
    file_mb: int = Field(default=64, ge=1, le=1024)


class RunBody(BaseModel):
    """One program and what it reads. `files` holds base64 by relative path."""

    model_config = ConfigDict(extra="forbid")

    language: str = Field(json_schema_extra={"enum": [*sorted(LANGUAGES)]})
    code: str
    files: dict[str, Base64Bytes] = Field(default={}, max_length=1000)
    stdin: str = ""
    args: list[str] = Field(default=[], max_length=1000)
    fetch: list[str] = Field(default=[], max_length=1000)
    """Relative paths to bring back after the run."""
    limits: RunLimits = RunLimits()

    def request(self) -> RunRequest:
        limits = Limits(**self.limits.model_dump())
        return RunRequest(self.language, self.code, self.files, self.stdin, self.args, self.fetch, limits)


class RunAnswer(BaseModel):
    """What came of a run, as `sandbox.RunResult`; `files` holds base64."""

    status: Status
    exit_code: int | None
    signal: int | None
    stdout: str
    stderr: str
    truncated: bool
    wall_s: float
    cpu_s: float
    max_rss: int
    files: dict[str, str]
    backend: str
    layers: list[str]

    @classmethod
    def of(cls, result: RunResult) -> Self:
        files = {name: base64.b64encode(content).decode() for name, content in result.files.items()}
        return cls.model_validate(asdict(result) | {"files": files, "layers": list(result.layers)})
