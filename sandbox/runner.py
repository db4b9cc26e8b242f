"""What all backends share: programs become jobs, jobs go to lanes, reports become results.

A backend says how a lane is opened and which tools its programs have.
"""

import asyncio
import os
import signal
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from types import TracebackType
from typing import Self

from sandbox import jobs
from sandbox.base import RunRequest, RunResult, SandboxError, Status
from sandbox.compiled import Compiled
from sandbox.lane import Job, Lane, LaneLostError, Report
from sandbox.languages import LANGUAGES, Language, Toolchain

_TRIES = 2
_open: weakref.WeakSet["Runner"] = weakref.WeakSet()


def _disown() -> None:
    """In a fork of the process that opened sandboxes: their lanes are not ours, who holds their locks is gone."""
    for runner in _open:
        runner._guard = threading.Lock()
        runner._is_copy = True


os.register_at_fork(after_in_child=_disown)


class Runner:
    """A sandbox on `parallel` lanes. Safe to share between threads, tasks and forks."""

    backend: str
    layers: tuple[str, ...] = ()

    def __init__(self, parallel: int | None) -> None:
        """parallel: runs at once, by default one for each core that this process may use."""
        self._parallel = parallel or len(os.sched_getaffinity(0))
        self._guard = threading.Lock()
        self._closed = False
        self._begin()
        _open.add(self)

    def _begin(self) -> None:
        """Set up what belongs to this process alone; again in a fork of it."""
        self._is_copy = False
        self._lanes = Lanes(self._open_lane, self._parallel)
        self._compiled = Compiled()
        self._pool = ThreadPoolExecutor(self._parallel, thread_name_prefix="sandbox")

    def _open_lane(self) -> Lane:
        raise NotImplementedError

    def toolchain(self, language: Language) -> Toolchain:
        """Where programs find that language's tools."""
        raise NotImplementedError

    def missing_tools(self) -> dict[str, tuple[str, ...]]:
        """For each language the tools that are not there; it can be used where there are none."""
        return {name: self.toolchain(language).missing for name, language in LANGUAGES.items()}

    def run(self, request: RunRequest) -> RunResult:
        """Run one program. Raises SandboxError for a request that makes no sense, never for what the program does."""
        # In this thread: to hand it to another takes a tenth of a run's time.
        return self._run(request, *self._check(request))

    def run_many(self, requests: Iterable[RunRequest]) -> list[RunResult]:
        """Run several programs, as many at once as there are lanes; results in the order of the requests."""
        return [future.result() for future in [self.submit(request) for request in requests]]

    async def arun(self, request: RunRequest) -> RunResult:
        return await asyncio.wrap_future(self.submit(request))

    async def arun_many(self, requests: Iterable[RunRequest]) -> list[RunResult]:
        return list(await asyncio.gather(*(self.arun(request) for request in requests)))

    def submit(self, request: RunRequest) -> Future[RunResult]:
        """Queue one program. Raises SandboxError as `run` does, SandboxUnavailable when its language's tools lack."""
        language, tools = self._check(request)
        with self._guard:
            if self._closed:
                raise SandboxError("this sandbox is closed; open another")
            return self._pool.submit(self._run, request, language, tools)

    def _check(self, request: RunRequest) -> tuple[Language, Toolchain]:
        language = jobs.check(request)
        tools = self.toolchain(language)
        jobs.check_tools(language, tools)
        with self._guard:
            if self._closed:
                raise SandboxError("this sandbox is closed; open another")
            if self._is_copy:
                self._begin()
        return language, tools

    def _run(self, request: RunRequest, language: Language, tools: Toolchain) -> RunResult:
        artifact = None
        if language.compile:
            made = self._compiled.get(request, lambda: self._compile(request, language, tools))
            if isinstance(made, RunResult):
                return made
            artifact = made
        return self._carry_out(jobs.running(request, language, tools, artifact), jobs.encode(request.stdin))

    def _compile(self, request: RunRequest, language: Language, tools: Toolchain) -> bytes | RunResult:
        result = self._carry_out(jobs.compiling(request, language, tools), b"")
        if result.status == "ok" and language.artifact in result.files:
            artifact = result.files[language.artifact]
            if jobs.room_for((artifact, *request.files.values())) <= request.limits.file_mb << 20:
                return artifact
            result = replace(result, stderr=f"{language.artifact} does not fit into {request.limits.file_mb} MiB")
        status: Status = "sandbox_error" if result.status == "sandbox_error" else "compile_error"
        # A limit's verdict is as good as the compiler's own; any other signal is somebody else's.
        by_us = result.status in ("timeout", "memory", "output")
        return replace(result, status=status, files={}, signal=None if by_us else result.signal)

    def _carry_out(self, job: Job, stdin: bytes) -> RunResult:
        failure = ""
        for _ in range(_TRIES):
            try:
                lane = self._lanes.take()
                try:
                    report = lane.run(job, stdin)
                finally:
                    self._lanes.give_back(lane)
            except LaneLostError as error:
                failure = str(error)
                continue
            if not report.failure:
                return self._result(report)
            failure = report.failure
        return RunResult("sandbox_error", stderr=failure, backend=self.backend, layers=self.layers)

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
            backend=self.backend,
            layers=self.layers,
        )

    def close(self) -> None:
        """End all lanes. Runs that are on end as `sandbox_error`."""
        with self._guard:
            self._closed = True
        if not self._is_copy:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._lanes.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Lanes:
    """At most `most` lanes, opened when they are needed, for whoever asks, in the order in which they ask."""

    def __init__(self, open_lane: Callable[[], Lane], most: int) -> None:
        self._open = open_lane
        self._most = most
        self._guard = threading.Lock()
        self._all: list[Lane] = []
        self._idle: list[Lane] = []
        self._waiting: deque[_Turn] = deque()
        self._closed = False

    def take(self) -> Lane:
        """Of those that are idle the one used last, whose memory is in the caches. Raises LaneLostError when closed."""
        with self._guard:
            if self._closed:
                raise LaneLostError("the sandbox was closed")
            if self._idle:
                return self._idle.pop()
            if len(self._all) < self._most:
                self._all.append(self._open())
                return self._all[-1]
            turn = _Turn()
            self._waiting.append(turn)
        try:
            return turn.wait()
        except BaseException:
            with self._guard:
                if turn in self._waiting:
                    self._waiting.remove(turn)
                else:
                    self._pass_on(turn.lane)
            raise

    def give_back(self, lane: Lane) -> None:
        with self._guard:
            self._pass_on(lane)

    def _pass_on(self, lane: Lane) -> None:
        """To who waits longest: else whoever gave it back could have it again and again."""
        if self._waiting:
            self._waiting.popleft().come(lane)
        else:
            self._idle.append(lane)

    def close(self) -> None:
        """Close all of them, and open no more. Those who wait get one still, and see."""
        with self._guard:
            self._closed = True
            lanes, self._all = self._all, []
        for lane in lanes:
            lane.close()

    def __iter__(self) -> Iterator[Lane]:
        """Those that are open."""
        return iter([*self._all])


class _Turn:
    """Of one who waits. A bare lock, for an interrupt within a condition, which is Python, can leave it locked."""

    def __init__(self) -> None:
        self.lane: Lane
        self._come = threading.Lock()
        self._come.acquire()

    def wait(self) -> Lane:
        self._come.acquire()
        return self.lane

    def come(self, lane: Lane) -> None:
        self.lane = lane
        self._come.release()


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
