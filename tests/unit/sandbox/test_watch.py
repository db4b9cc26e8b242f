"""A run that is killed but does not go away, as one with a million mappings does not for seconds."""

import gc
import os
import socket
import threading
import time
import weakref
from contextlib import closing

import pytest

from sandbox.lane import Job
from sandbox.process import guest
from sandbox.process.family import Usage
from sandbox.process.watch import Watch

JOB = Job(
    wall_s=0.2,
    memory=64 << 20,
    processes=1,
    output=100,
    disk=1 << 20,
    files={},
    executables=(),
    argv=("main.py",),
    script=b"",
    path=(),
    fetch=(),
    address_space=True,
)


class Lasting:
    """A seat whose run uses the processor for a second, says something and is never gone."""

    oom_kills = None

    def __init__(self) -> None:
        self.stdout, self._out = os.pipe()
        self.stderr, self._err = os.pipe()
        self.gone, self._end = os.pipe()
        self.line, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.kills = self.looks = 0
        os.write(self._out, b"so far")

    def end(self, status: int) -> None:
        """As init does when the program has ended."""
        self._theirs.send(guest.ENDED + guest.STATUS.pack(status))

    def say(self, text: bytes) -> None:
        os.write(self._out, text)

    def close(self) -> None:
        for end in (self.line, self._theirs):
            end.close()
        for descriptor in (self.stdout, self._out, self.stderr, self._err, self.gone, self._end):
            os.close(descriptor)

    def kill(self) -> None:
        self.kills += 1

    def holds_more_than(self, memory: int) -> bool:
        self.looks += 1
        return False

    def usage_so_far(self) -> Usage:
        return Usage(0.0 if self.kills else 1.0, 5 << 20)

    def usage(self) -> Usage:
        raise AssertionError("it is not over")


def test_its_report_does_not_wait_for_it() -> None:
    with closing(Lasting()) as seat:
        start = time.monotonic()
        watch = Watch(seat, JOB, time.monotonic(), {})
        report = watch.follow()
        assert 0.2 <= time.monotonic() - start < 5
    assert (report.killed, report.wait_status, report.stdout) == ("timeout", None, b"so far")
    assert (report.cpu_s, report.max_rss) == (1.0, 5 << 20)
    assert (watch.over, seat.kills) == (False, 1)


def test_a_program_that_has_ended_is_not_late_for_what_it_left_behind() -> None:
    with closing(Lasting()) as seat:
        seat.end(status=3 << 8)
        watch = Watch(seat, JOB, time.monotonic(), {})
        report = watch.follow()
    assert (report.killed, report.wait_status, report.stdout) == ("", 3 << 8, b"so far")
    assert report.wall_s < 0.2
    assert (watch.over, seat.kills) == (False, 1)


def test_files_that_do_not_come_in_time_are_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.process.watch._FETCH_S", 0.1)
    with closing(Lasting()) as seat:
        seat.end(status=0)
        assert Watch(seat, JOB._replace(fetch=("f",)), time.monotonic(), {}).follow().killed == "timeout"


def test_nothing_is_kept_of_a_run_that_has_been_told_of() -> None:
    with closing(Lasting()) as seat:
        gc.disable()
        watch = Watch(seat, JOB, time.monotonic(), {})
        watch.follow()
        kept = weakref.ref(watch)
        del watch
        gc.enable()
    assert kept() is None


def test_it_is_looked_at_now_and_then_however_much_it_says() -> None:
    with closing(Lasting()) as seat:
        speaker = threading.Thread(target=lambda: [(seat.say(b"x"), time.sleep(0.001)) for _ in range(90)])
        speaker.start()
        Watch(seat, JOB, time.monotonic(), {}).follow()
        speaker.join()
        assert 1 <= seat.looks <= 9


def test_out_of_memory_means_that_it_had_all_of_it() -> None:
    with closing(Lasting()) as seat:
        seat.holds_more_than = lambda memory: True  # type: ignore[method-assign]
        report = Watch(seat, JOB, time.monotonic(), {}).follow()
    assert (report.killed, report.max_rss) == ("memory", JOB.memory)
