"""What is kept of compilations: artifacts and verdicts, and nothing that is no word on the program."""

import os
import signal
import threading
from collections.abc import Callable

import pytest

from sandbox import Limits, RunRequest
from sandbox.base import RunResult
from sandbox.compiled import Compiled
from sandbox.lane import Job, Report
from sandbox.languages import Language, Toolchain
from sandbox.runner import Runner

PROGRAM = RunRequest("cpp", "int main() {}")


def report(wait_status: int | None = 0, *, killed: str = "", failure: str = "", artifact: bytes = b"") -> Report:
    files = {"main": artifact} if artifact else {}
    return Report(failure, killed, wait_status, b"", b"", False, 0.0, 0.0, 0, files)


class Scripted(Runner):
    """Carries out nothing: its compilers end as told, one after the other, and all programs are fine."""

    backend = "scripted"

    def __init__(self, *compilations: Report) -> None:
        super().__init__(1)
        self.compilations = list(compilations)

    def _open_lane(self) -> "Scripted":
        return self

    def toolchain(self, language: Language) -> Toolchain:
        return Toolchain((), (), ())

    def run(self, job: Job, stdin: bytes) -> Report:  # type: ignore[override]
        return self.compilations.pop(0) if job.fetch else report()

    def status(self, request: RunRequest = PROGRAM) -> str:
        return self.submit(request).result(timeout=5).status


@pytest.mark.parametrize(
    "lost",
    [
        report(signal.SIGKILL),
        report(None),
        report(),
    ],
)
def test_a_compiler_that_somebody_else_killed_or_whose_work_was_lost_is_asked_again(lost: Report) -> None:
    with Scripted(lost, report(artifact=b"x")) as runner:
        assert [runner.status() for _ in range(3)] == ["compile_error", "ok", "ok"]


def test_a_sandbox_that_failed_is_asked_again() -> None:
    failure = report(failure="broken")
    with Scripted(failure, failure, report(artifact=b"x")) as runner:
        assert [runner.status() for _ in range(3)] == ["sandbox_error", "ok", "ok"]


@pytest.mark.parametrize("verdict", [report(1 << 8), report(None, killed="timeout"), report(None, killed="memory")])
def test_a_verdict_of_the_compiler_or_of_a_limit_is_kept(verdict: Report) -> None:
    with Scripted(verdict) as runner:
        results = [runner.submit(PROGRAM).result(timeout=5) for _ in range(2)]
    assert [(result.status, result.signal) for result in results] == [("compile_error", None)] * 2


def test_an_artifact_that_does_not_fit_beside_the_files_is_no_failure_of_the_sandbox() -> None:
    request = RunRequest("cpp", "", files={"data": bytes(900_000)}, limits=Limits(file_mb=1))
    with Scripted(report(artifact=bytes(145_000))) as runner:
        result = runner.submit(request).result()
    assert (result.status, result.stderr) == ("compile_error", "main does not fit into 1 MiB")


def test_file_names_that_are_no_text() -> None:
    with Scripted(report(artifact=b"x"), report(artifact=b"y")) as runner:
        assert {runner.status(RunRequest("cpp", "", files={name: b""})) for name in ("\udcff", "\udcfe")} == {"ok"}
        assert not runner.compilations


def test_what_goes_wrong_with_one_program_reaches_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one is done at the worst of moments."""
    compiled, made = Compiled(), list[bytes | RunResult]()
    forget: Callable[[bytes], None] = compiled._forget

    def interrupted(key: bytes) -> None:
        made.append(compiled.get(PROGRAM, lambda: b"x"))
        forget(key)

    def fail() -> bytes:
        raise ValueError("no compiler")

    monkeypatch.setattr(compiled, "_forget", interrupted)
    with pytest.raises(ValueError, match="no compiler"):
        compiled.get(RunRequest("cpp", "broken"), fail)
    assert made == [b"x"]


def test_a_fork_during_a_compilation_waits_for_nobody() -> None:
    begun, over = threading.Event(), threading.Event()

    def make() -> bytes:
        begun.set()
        over.wait()
        return b"x"

    with Scripted(report(artifact=b"x")) as runner:
        thread = threading.Thread(target=runner._compiled.get, args=(PROGRAM, make))
        thread.start()
        begun.wait()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                code = 0 if runner.status() == "ok" else 1
            finally:
                os._exit(code)
        over.set()
        thread.join()
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
