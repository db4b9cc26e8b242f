"""Follow one run from outside until it is over: keep its output and its time, and kill it when it must be killed."""

import os
import select
import socket
import time
from collections.abc import Callable
from typing import Protocol

from sandbox.lane import Job, Report
from sandbox.process import guest
from sandbox.process.cgroup import OomKills
from sandbox.process.family import Usage

_CHUNK = 1 << 16
_TICK_S = 0.02
_LOOK_AFTER_S = 0.05
"""Most runs are over before it pays to look at their memory."""
_FETCH_S = 5.0
_DYING_S = 0.01
"""How long the report of a killed run waits for the kernel to clear all of it away."""


class Seat(Protocol):
    """A run's processes, and our ends of all that leads to them."""

    stdout: int
    stderr: int
    line: socket.socket
    """The job went out on it; the end is told and files come in."""
    gone: int
    """Polls as ready when the run is over and all its messages are in."""

    @property
    def oom_kills(self) -> OomKills | None:
        """Of the memory group that it is in."""

    def kill(self) -> None:
        """Kill all of it that lives. Can be called twice."""

    def holds_more_than(self, memory: int) -> bool:
        """Whether it has more bytes, where no group holds it to just so many; as far as can be told at once."""

    def usage_so_far(self) -> Usage:
        """Of all that live, as far as can be told at once. They are to be killed, before or after."""

    def usage(self) -> Usage:
        """Of all that have ended; called once, when it is over."""


class Watch:
    """One run being followed."""

    def __init__(self, seat: Seat, job: Job, start: float, others: dict[int, Callable[[], None]]) -> None:
        """start: when the job was handed over, by time.monotonic; others: descriptors to serve meanwhile."""
        self._seat = seat
        self._job = job
        self._others = others
        self._start = start
        self._deadline = self._start + job.wall_s
        self._next_look = self._start + _LOOK_AFTER_S
        self._end = 0.0
        self._killed = ""
        self._is_dying = False
        self._usage = Usage()
        self.over = False
        """Whether init is gone, and with it everything in the run."""
        self._kept: dict[int, list[bytes]] = {seat.stdout: [], seat.stderr: []}
        self._sizes = {seat.stdout: 0, seat.stderr: 0}
        self._failure = ""
        self._status: int | None = None
        self._files: list[tuple[int, int, list[bytes]]] = []
        self._room = job.disk
        self._poll = select.poll()
        for descriptor in (seat.stdout, seat.stderr):
            os.set_blocking(descriptor, False)
        seat.line.setblocking(False)
        self._mine: dict[int, Callable[[], bool]] = {
            seat.stdout: lambda: self._read_output(seat.stdout),
            seat.stderr: lambda: self._read_output(seat.stderr),
            seat.line.fileno(): self._read_line,
        }
        for descriptor in (*self._mine, seat.gone, *others):
            self._poll.register(descriptor, select.POLLIN)

    def follow(self) -> Report:
        """Until it is over, or was killed and nothing more is to be expected of it."""
        while self._step():
            pass
        if not self._killed and self._met_memory_limit():
            self._killed, self._is_dying = "memory", True
        for read in self._mine.values():
            while read():
                pass
        if self.over:
            self._usage = self._usage.or_more(self._seat.usage())
        self._mine.clear()  # which keeps us, and with us all output and files, until some later collection
        return self._report()

    def _step(self) -> bool:
        """Wait for the next event and serve it. False when there is no point in waiting for more."""
        for descriptor, _ in self._poll.poll(self._patience() * 1000):
            if descriptor == self._seat.gone:
                self.over = True
            elif descriptor in self._mine:
                if not self._mine[descriptor]():
                    self._poll.unregister(descriptor)
            else:
                self._others[descriptor]()
        now = time.monotonic()
        if self.over or (self._is_dying and now >= self._deadline):
            return False
        if now >= self._deadline:
            self._kill("timeout" if self._status is None or self._job.fetch else "")
        elif now >= self._next_look and self._is_running():
            self._next_look = now + _TICK_S
            if self._is_out_of_memory():
                self._kill("memory")
        return True

    def _is_running(self) -> bool:
        return self._status is None and not self._is_dying

    def _patience(self) -> float:
        until = min(self._deadline, self._next_look) if self._is_running() else self._deadline
        return max(0.0, until - time.monotonic())

    def _kill(self, why: str) -> None:
        """why: for the report; "" when the program had ended, and only what it left behind is in the way."""
        self._killed, self._is_dying = why, True
        if why == "memory":  # which grows while one looks
            self._seat.kill()
            self._usage = self._seat.usage_so_far()
        else:
            self._usage = self._seat.usage_so_far()  # nobody waits for what is killed: soon it cannot be told any more
            self._seat.kill()
        self._deadline = time.monotonic() + _DYING_S

    def _met_memory_limit(self) -> bool:
        return self._seat.oom_kills is not None and self._seat.oom_kills.happened()

    def _is_out_of_memory(self) -> bool:
        return self._met_memory_limit() or self._seat.holds_more_than(self._job.memory)

    def _read_output(self, descriptor: int) -> bool:
        """Take in what there is, up to the limit. False at the end of the stream."""
        try:
            chunk = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return False
        room = self._job.output - self._sizes[descriptor]
        if room > 0:
            self._kept[descriptor].append(chunk[:room])
        self._sizes[descriptor] += len(chunk)
        if len(chunk) > room and not self._is_dying:
            self._kill("output")
        return bool(chunk)

    def _read_line(self) -> bool:
        """Take in one message from our processes in the run."""
        try:
            message = self._seat.line.recv(_CHUNK)
        except (BlockingIOError, ConnectionResetError):
            return False
        kind, content = message[:1], message[1:]
        if failure := guest.failure(message):
            self._failure = failure
        elif kind == guest.ENDED and self._status is None:
            # The program is over; only its files are still to come.
            self._status = guest.STATUS.unpack(content)[0]
            self._end = time.monotonic()
            if self._job.fetch:
                self._deadline = max(self._deadline, self._end + _FETCH_S)
        elif kind == guest.FILE and len(self._files) < len(self._job.fetch):
            index, size = guest.FILE_HEAD.unpack(content)
            self._files.append((index, size, []))
        elif kind == guest.CONTENT and self._files and len(content) <= self._room:
            self._room -= len(content)
            self._files[-1][2].append(content)
        return bool(message)

    def _report(self) -> Report:
        seat, end = self._seat, self._end or time.monotonic()
        least = self._job.memory if self._killed == "memory" else 0
        return Report(
            failure=self._failure,
            killed=self._killed,
            wait_status=self._status,
            stdout=b"".join(self._kept[seat.stdout]),
            stderr=b"".join(self._kept[seat.stderr]),
            truncated=any(size > self._job.output for size in self._sizes.values()),
            wall_s=end - self._start,
            cpu_s=self._usage.cpu_s,
            max_rss=max(self._usage.max_rss, least),
            files=self._whole_files(),
        )

    def _whole_files(self) -> dict[str, bytes]:
        """The files that came back; one that was cut short, or over the limit, is left out."""
        names, files = self._job.fetch, {}
        for index, size, chunks in self._files:
            content = b"".join(chunks)
            if len(content) == size:
                files[names[index]] = content
        return files
