"""ProcessSandbox: hands runs to lanes, as many at once as there are cores, and turns what came back into results."""

import asyncio
import itertools
import os
import signal
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from types import TracebackType
from typing import Self

from sandbox import languages
from sandbox.base import RunRequest, RunResult, SandboxError, Status
from sandbox.languages import Language
from sandbox.process import jobs, probe
from sandbox.process.compiled import Compiled
from sandbox.process.lane import HostLostError, Lane
from sandbox.process.wire import Job, Report
from sandbox.process.zygote import Settings

PRELOAD = (
    "abc", "bisect", "cmath", "collections", "contextlib", "copy", "dataclasses", "datetime", "decimal", "enum",
    "fractions", "functools", "heapq", "io", "itertools", "json", "math", "operator", "random", "re", "statistics",
    "string", "time", "traceback", "types", "typing",
)  # fmt: skip
"""Modules that programs use most: imported once by the fork server instead of by each run."""

_TRIES = 2
_FIRST_USER_ID = 61_000
_USER_IDS = 2_000
_serial = itertools.count()


class ProcessSandbox:
    """Runs each program in fresh namespaces, cloned from a warm interpreter.

    parallel: runs at once, by default one for each core this process may use.
    preload: modules that the Python interpreter of every run has imported already.
    packages: packages of the caller's environment that programs may import.
    Raises SandboxUnavailable when the machine does not allow the walls.
    """

    def __init__(
        self, *, parallel: int | None = None, preload: Sequence[str] = PRELOAD, packages: Sequence[str] = ("numpy",)
    ) -> None:
        probe.check_machine()
        self._parallel = parallel or len(os.sched_getaffinity(0))
        self._folders = _folders()
        self._packages = probe.locate(packages)
        self._preload = tuple(preload)
        self._compiled = Compiled()
        self._guard = threading.Lock()
        self._closed = False
        self._open_pool()
        try:
            self.layers = self._prove_layers()
        except BaseException:
            self.close()
            raise

    def _open_pool(self) -> None:
        self._owner = os.getpid()
        self._lanes: list[Lane] = []
        self._local = threading.local()
        self._pool = ThreadPoolExecutor(self._parallel, thread_name_prefix="sandbox")

    def _prove_layers(self) -> tuple[str, ...]:
        """The layers that a program finds in force when it looks from the inside, and the groups that hold it."""
        told = self.submit(RunRequest("python", probe.LOOK_AROUND)).result()
        seen = probe.layers_seen(told.stdout, told.stderr)
        return (*seen, *self._lanes[0].layers)

    def run(self, request: RunRequest) -> RunResult:
        """Run one program. Raises SandboxError for a request that makes no sense, never for what the program does."""
        return self.submit(request).result()

    def run_many(self, requests: Iterable[RunRequest]) -> list[RunResult]:
        """Run several programs, as many at once as there are lanes; results in the order of the requests."""
        return [future.result() for future in [self.submit(request) for request in requests]]

    async def arun(self, request: RunRequest) -> RunResult:
        return await asyncio.wrap_future(self.submit(request))

    async def arun_many(self, requests: Iterable[RunRequest]) -> list[RunResult]:
        return list(await asyncio.gather(*(self.arun(request) for request in requests)))

    def submit(self, request: RunRequest) -> Future[RunResult]:
        """Queue one program."""
        language = jobs.check(request)
        with self._guard:
            if self._closed:
                raise SandboxError("this sandbox is closed; open another")
            if os.getpid() != self._owner:  # a fork of the process that opened us: its lanes are not ours
                self._open_pool()
            return self._pool.submit(self._run, request, language)

    def _run(self, request: RunRequest, language: Language) -> RunResult:
        artifact = None
        if language.compile:
            made = self._compiled.get(request, lambda: self._compile(request, language))
            if isinstance(made, RunResult):
                return made
            artifact = made
        stdin = request.stdin.encode() if isinstance(request.stdin, str) else request.stdin
        return self._carry_out(jobs.running(request, language, artifact), stdin)

    def _compile(self, request: RunRequest, language: Language) -> bytes | RunResult:
        result = self._carry_out(jobs.compiling(request, language), b"")
        if result.status == "ok" and language.artifact in result.files:
            return result.files[language.artifact]
        status: Status = "sandbox_error" if result.status == "sandbox_error" else "compile_error"
        return replace(result, status=status, files={})

    def _carry_out(self, job: Job, stdin: bytes) -> RunResult:
        failure = ""
        for _ in range(_TRIES):
            try:
                report = self._lane().run(job, stdin)
            except HostLostError as error:
                failure = str(error)
                continue
            if not report.failure:
                return self._result(report)
            failure = report.failure
        return RunResult("sandbox_error", stderr=failure, backend="process", layers=self._known_layers())

    def _lane(self) -> Lane:
        """The lane of this thread."""
        lane: Lane | None = getattr(self._local, "lane", None)
        if lane is None:
            with self._guard:
                if self._closed:
                    raise HostLostError("the sandbox was closed")
                number = next(_serial)
                settings = Settings(
                    slot=f"{os.getpid()}-{number}",
                    user_id=_FIRST_USER_ID + (os.getpid() + number) % _USER_IDS,
                    folders=self._folders,
                    packages=self._packages,
                    preload=self._preload,
                )
                lane = self._local.lane = Lane(settings)
                self._lanes.append(lane)
        return lane

    def _known_layers(self) -> tuple[str, ...]:
        return getattr(self, "layers", ())

    def _result(self, report: Report) -> RunResult:
        exit_code, signal_number = _ending(report)
        return RunResult(
            status=_status(report),
            exit_code=exit_code,
            signal=signal_number,
            stdout=report.stdout.decode(errors="replace"),
            stderr=report.stderr.decode(errors="replace"),
            truncated=report.truncated,
            wall_s=report.wall_s,
            cpu_s=report.cpu_s,
            max_rss=report.max_rss,
            files=report.files,
            backend="process",
            layers=self._known_layers(),
        )

    def close(self) -> None:
        """End all lanes. Runs that are on end as `sandbox_error`."""
        with self._guard:
            self._closed = True
            lanes, self._lanes = self._lanes, []
        if os.getpid() != self._owner:
            return
        self._pool.shutdown(wait=False, cancel_futures=True)
        for lane in lanes:
            lane.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _folders() -> tuple[str, ...]:
    """Folders of toolchains that lie outside the system's own."""
    chains = [languages.toolchain(language) for name, language in languages.LANGUAGES.items() if name != "python"]
    return tuple(dict.fromkeys(folder for chain in chains for folder in chain.folders))


def _ending(report: Report) -> tuple[int | None, int | None]:
    """Exit code and signal."""
    if report.killed or report.wait_status is None:
        return None, int(signal.SIGKILL)
    code = os.waitstatus_to_exitcode(report.wait_status)
    return (code, None) if code >= 0 else (None, -code)


def _status(report: Report) -> Status:
    """A program can bring about any of these but `sandbox_error`: else it could have its failures forgiven."""
    match report.killed:
        case "timeout" | "memory" | "output" as why:
            return why
    if report.wait_status is None:
        return "killed"
    return "ok" if report.wait_status == 0 else "error"
