"""What every sandbox promises: a program in, an outcome out, and never an exception for bad code."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Protocol, Self

Status = Literal["ok", "error", "timeout", "memory", "output", "killed", "compile_error", "sandbox_error"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Ceilings of one run. Every run has them; there is no way to ask for none."""

    wall_s: float = 10.0
    """Wall-clock seconds, compiling not counted."""
    memory_mb: int = 512
    """MiB over all processes of the run."""
    processes: int = 64
    """Processes and threads alive at once."""
    output_bytes: int = 1 << 20
    """Bytes kept of stdout and of stderr each. A program that writes more is killed."""
    file_mb: int = 64
    """MiB the run may write below its private /tmp."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One program and what it reads."""

    language: str
    code: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Relative path -> content, laid into the working directory before the start."""
    stdin: bytes | str = b""
    args: Sequence[str] = ()
    fetch: Sequence[str] = ()
    """Relative paths to bring back after the run; regular files only, symlinks are never followed. Those that do not
    fit into `limits.file_mb`, or a GiB, are left out."""
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class RunResult:
    """What came of one run."""

    status: Status
    exit_code: int | None = None
    signal: int | None = None
    stdout: str = ""
    stderr: str = ""
    truncated: bool = False
    """Output was cut at the limit."""
    wall_s: float = 0.0
    cpu_s: float = 0.0
    max_rss: int = 0
    """Peak resident bytes of the largest process; of a run that was killed for its memory at least the limit."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    backend: str = ""
    layers: tuple[str, ...] = ()
    """The protections that were really in force, e.g. `user`, `pid`, `net`, `mnt`, `seccomp`."""


class SandboxError(Exception):
    """The sandbox itself is broken or was misused. It says nothing of the program."""


class SandboxUnavailable(SandboxError):
    """This machine cannot give the protection that was asked for. The message says why and what to do."""


class LanguageUnavailable(SandboxUnavailable):
    """The tools of a language are missing."""


class Sandbox(Protocol):
    """Runs programs; usable bare or in `with`. Safe to share between threads and tasks."""

    backend: str
    layers: tuple[str, ...]

    def run(self, request: RunRequest) -> RunResult: ...
    def run_many(self, requests: Iterable[RunRequest]) -> list[RunResult]: ...
    def missing_tools(self) -> dict[str, tuple[str, ...]]: ...
    async def arun(self, request: RunRequest) -> RunResult: ...
    async def arun_many(self, requests: Iterable[RunRequest]) -> list[RunResult]: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_sandbox(backend: str = "process", *, require: Collection[str] = (), **settings: Any) -> Sandbox:
    """Open a backend (`process` or `docker`) that has at least the layers in `require`, or raise SandboxUnavailable.

    settings: of ProcessSandbox or DockerSandbox.
    """
    sandbox: Sandbox
    if backend == "process":
        from sandbox.process.backend import ProcessSandbox

        sandbox = ProcessSandbox(**settings)
    elif backend == "docker":
        from sandbox.docker.backend import DockerSandbox

        sandbox = DockerSandbox(**settings)
    else:
        raise SandboxError(f"sandbox backend must be 'process' or 'docker', got {backend!r}")
    missing = sorted(set(require) - set(sandbox.layers))
    if missing:
        sandbox.close()
        raise SandboxUnavailable(
            f"required sandbox layers are not in force: {', '.join(missing)}; in force: {', '.join(sandbox.layers)}"
        )
    return sandbox
