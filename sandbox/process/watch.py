"""Follow one run from outside until it is over: keep its output and its time, and kill it when it must be killed."""

import contextlib
import os
import resource
import select
import signal
import socket
import time
from collections.abc import Callable
from typing import NamedTuple

from sandbox.process import guest, memory
from sandbox.process.cgroup import Group
from sandbox.process.wire import Job, Report

_CHUNK = 1 << 16
_TICK_S = 0.02
_LOOK_AFTER_S = 0.05
"""Most runs are over before it pays to look at their memory."""
_FETCH_S = 5.0
_DYING_S = 15.0


class Seat(NamedTuple):
    """One clone and our ends of all that leads to it."""

    pid: int
    pidfd: int
    stdout: int
    stderr: int
    to_init: socket.socket
    to_program: socket.socket
    group: Group | None

    def kill(self) -> None:
        """Kill init; the kernel then kills everything in its pid namespace."""
        signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def close(self) -> None:
        for descriptor in (self.pidfd, self.stdout, self.stderr):
            os.close(descriptor)
        self.to_init.close()
        self.to_program.close()


class StuckError(Exception):
    """A killed run does not go away: the host is of no use any more."""


class Watch:
    """One run being followed."""

    def __init__(self, seat: Seat, job: Job, others: dict[int, Callable[[], None]]) -> None:
        """others: descriptors to serve meanwhile. `job` has been handed over just now."""
        self._seat = seat
        self._job = job
        self._others = others
        self._start = time.monotonic()
        self._deadline = self._start + job.wall_s
        self._end = 0.0
        self._killed = ""
        self._kept: dict[int, list[bytes]] = {seat.stdout: [], seat.stderr: []}
        self._sizes = {seat.stdout: 0, seat.stderr: 0}
        self._init = bytearray()
        self._poll = select.poll()
        for descriptor in (seat.stdout, seat.stderr):
            os.set_blocking(descriptor, False)
        seat.to_init.setblocking(False)
        self._mine: dict[int, Callable[[], bool]] = {
            seat.stdout: lambda: self._read_output(seat.stdout),
            seat.stderr: lambda: self._read_output(seat.stderr),
            seat.to_init.fileno(): self._read_init,
        }
        for descriptor in (*self._mine, seat.pidfd, *others):
            self._poll.register(descriptor, select.POLLIN)

    def follow(self) -> Report:
        """Until init is gone, and with it everything in the run."""
        while not self._step():
            pass
        for read in self._mine.values():
            while read():
                pass
        _, status, usage = os.wait4(self._seat.pid, 0)
        return self._report(status, usage)

    def _step(self) -> bool:
        """Wait for the next event and serve it. True when init is gone."""
        gone = False
        for descriptor, _ in self._poll.poll(self._patience() * 1000):
            if descriptor == self._seat.pidfd:
                gone = True
            elif descriptor in self._mine:
                if not self._mine[descriptor]():
                    self._poll.unregister(descriptor)
            else:
                self._others[descriptor]()
        now = time.monotonic()
        if not gone:
            if now >= self._deadline:
                self._at_deadline()
            elif now - self._start > _LOOK_AFTER_S and not self._killed and self._is_out_of_memory():
                self._kill("memory")
        return gone

    def _patience(self) -> float:
        now = time.monotonic()
        left = max(0.0, self._deadline - now)
        if self._killed:
            return left
        return min(left, _TICK_S if now - self._start > _LOOK_AFTER_S else _LOOK_AFTER_S)

    def _at_deadline(self) -> None:
        if self._killed:
            raise StuckError(f"a run killed for {self._killed} did not end within {_DYING_S:.0f} s")
        self._kill("timeout")

    def _kill(self, why: str) -> None:
        self._killed = why
        self._deadline = time.monotonic() + _DYING_S
        with contextlib.suppress(ProcessLookupError):  # its last words went over the limit
            self._seat.kill()

    def _is_out_of_memory(self) -> bool:
        if self._seat.group is not None and "cgroup-memory" in self._seat.group.layers:
            return self._seat.group.ran_out_of_memory()
        return memory.exceeds(self._seat.pid, self._job.memory)

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
        if len(chunk) > room and not self._killed:
            self._kill("output")
        return bool(chunk)

    def _read_init(self) -> bool:
        try:
            chunk = self._seat.to_init.recv(_CHUNK)
        except (BlockingIOError, ConnectionResetError):
            return False
        if not self._init and chunk:
            # The program is over; only its files are still to come.
            self._end = time.monotonic()
            self._deadline = max(self._deadline, self._end + _FETCH_S)
        if len(self._init) <= self._job.disk + (1 << 20):
            self._init += chunk
        return bool(chunk)

    def _report(self, status: int, usage: resource.struct_rusage) -> Report:
        seat, end = self._seat, self._end or time.monotonic()
        try:
            failure = seat.to_program.recv(1 << 16, socket.MSG_DONTWAIT).decode(errors="replace")
        except BlockingIOError:
            failure = ""
        killed = self._killed
        if not killed and seat.group is not None and seat.group.ran_out_of_memory():
            killed = "memory"
        head = guest.STATUS.size
        return Report(
            failure=failure,
            killed=killed,
            wait_status=guest.STATUS.unpack(self._init[:head])[0] if len(self._init) >= head else None,
            stdout=b"".join(self._kept[seat.stdout]),
            stderr=b"".join(self._kept[seat.stderr]),
            truncated=any(size > self._job.output for size in self._sizes.values()),
            wall_s=end - self._start,
            cpu_s=usage.ru_utime + usage.ru_stime,
            max_rss=usage.ru_maxrss * 1024,
            files=_files(bytes(self._init[head:]), self._job.fetch),
        )


def _files(stream: bytes, names: tuple[str, ...]) -> dict[str, bytes]:
    """The files that init sent. A last one that is cut short is left out."""
    files: dict[str, bytes] = {}
    at = 0
    while at + guest.FILE.size <= len(stream):
        index, size = guest.FILE.unpack_from(stream, at)
        at += guest.FILE.size
        if at + size > len(stream) or not 0 <= index < len(names):
            break
        files[names[index]] = stream[at : at + size]
        at += size
    return files
