"""Which job server is asked, and what is made of its answers."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from rlvr import jobs
from rlvr.errors import WorkFailed
from rlvr.settings.load import ConfigError


class Server:
    """A client whose server knows one job; it is away whenever `away` says so."""

    def __init__(self, states: tuple[str, ...] = (), away: int = 0) -> None:
        self.states, self.away = list(states), away

    def get_job_status(self, job: str) -> Any:
        if self.away:
            self.away -= 1
            raise OSError("connection refused")
        if not self.states:
            raise RuntimeError("Request failed with status code 404:\n Job does not exist.")
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return jobs.JobStatus(state)

    def get_job_logs(self, job: str) -> str:
        return "the last line"

    async def tail_job_logs(self, job: str) -> AsyncIterator[str]:
        yield "a line\n"
        raise RuntimeError("closed unexpectedly")


def test_the_address_given_is_the_one_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS"):
        monkeypatch.setenv(name, "http://127.0.0.1:2")
    with pytest.raises(ConfigError, match=r"no Ray job server answers at .*Ray at address: http://127\.0\.0\.1:1\."):
        jobs.connect("http://127.0.0.1:1")
    assert os.environ["RAY_ADDRESS"] == os.environ["RAY_API_SERVER_ADDRESS"] == "http://127.0.0.1:2"


def test_a_cluster_named_by_the_environment_is_the_one_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "http://127.0.0.1:1")
    with pytest.raises(ConfigError, match=r"no Ray job server answers at http://127\.0\.0\.1:1 "), jobs.cluster(None):
        pass


def test_a_job_server_is_no_cluster_to_work_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "http://127.0.0.1:1")
    with pytest.raises(ConfigError, match=r"got the job server http://127\.0\.0\.1:1; `rlvr submit`"), jobs.attached():
        pass


def test_a_server_that_is_away_for_a_moment_is_asked_again() -> None:
    jobs.wait(Server(("RUNNING", "SUCCEEDED"), away=2), "j", lambda: None)
    with pytest.raises(WorkFailed, match=r"(?s)job j failed.*the last line"):
        jobs.wait(Server(("FAILED",)), "j", lambda: None)


def test_a_job_that_is_not_there_is_one_line() -> None:
    with pytest.raises(ConfigError, match=r"^job NOPE: Request failed with status code 404: Job does not exist\.$"):
        jobs.follow(Server(), "NOPE")


def test_a_log_that_breaks_off_leaves_the_job(capsys: pytest.CaptureFixture[str]) -> None:
    jobs.follow(Server(("RUNNING", "RUNNING", "SUCCEEDED")), "j")
    assert capsys.readouterr() == ("a line\n", "the log ends here (closed unexpectedly); the job goes on\n")


@pytest.mark.parametrize("ends", [aiohttp.ServerDisconnectedError(), ConnectionResetError("reset"), None], ids=repr)
def test_a_log_that_says_no_more_keeps_nobody(
    ends: Exception | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether it breaks, or is silent for ever as one whose server was unplugged."""

    class Silent(Server):
        async def tail_job_logs(self, job: str) -> AsyncIterator[str]:
            yield "a line\n"
            await (asyncio.sleep(0) if ends else asyncio.Event().wait())
            if ends:
                raise ends

    monkeypatch.setattr(jobs, "LAST_LINES_S", 0.1)
    jobs.follow(Silent(("RUNNING", "RUNNING", "RUNNING", "SUCCEEDED")), "j")
    out, err = capsys.readouterr()
    assert out == "a line\n"
    assert ("the log ends here" in err) == (ends is not None)


def test_an_answer_that_will_not_change_is_not_waited_for() -> None:
    class Forgetful(Server):
        def get_job_logs(self, job: str) -> str:
            raise RuntimeError("Request failed with status code 500: the node is gone")

    began = time.monotonic()
    with pytest.raises(WorkFailed, match=r"(?s)job j failed; .*cannot be had: .*the node is gone"):
        jobs.wait(Forgetful(("FAILED",)), "j", lambda: None)
    with pytest.raises(ConfigError, match="Job does not exist"):
        jobs.follow(Server(), "j")
    assert time.monotonic() - began < jobs.START_S / 2
