"""A run that is killed but does not go away, as one with a million mappings does not for seconds."""

import os
import socket
import time
from contextlib import closing

from sandbox.lane import Job
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
        self.kills = 0
        os.write(self._out, b"so far")

    def close(self) -> None:
        for end in (self.line, self._theirs):
            end.close()
        for descriptor in (self.stdout, self._out, self.stderr, self._err, self.gone, self._end):
            os.close(descriptor)

    def kill(self) -> None:
        self.kills += 1

    def holds_more_than(self, memory: int) -> bool:
        return False

    def usage_so_far(self) -> Usage:
        return Usage(0.0 if self.kills else 1.0, 5 << 20)

    def usage(self) -> Usage:
        raise AssertionError("it is not over")


def test_its_report_does_not_wait_for_it() -> None:
    with closing(Lasting()) as seat:
        start = time.monotonic()
        watch = Watch(seat, JOB, {})
        report = watch.follow()
        assert 0.2 <= time.monotonic() - start < 5
    assert (report.killed, report.wait_status, report.stdout) == ("timeout", None, b"so far")
    assert (report.cpu_s, report.max_rss) == (1.0, 5 << 20)
    assert (watch.over, seat.kills) == (False, 1)
