"""The process that owns one fork server: hands it jobs, watches the runs from outside, reports to the caller's process.

Started fresh with an empty environment by `lane`. It holds whatever rights the caller has (for cgroups), so it looks at
nothing that a program wrote but as bytes. It ends when its caller closes the channel, or dies; all below ends with it.
"""

import contextlib
import os
import select
import signal
import socket
import sys
import time
import traceback
from dataclasses import dataclass
from typing import Any, NamedTuple

from sandbox.lane import Job
from sandbox.process import cgroup, guest, program, walls, wire, zygote
from sandbox.process.family import Family, Usage
from sandbox.process.lookout import Lookout
from sandbox.process.watch import Watch

_START_S = 30.0
_CLONE_S = 10.0
_END_S = 5.0
_DYING_S = 15.0
_TRIES = 3
_SPARE_BYTES = 8 << 20
"""What making the next clone may add to our container's memory while a run is on."""


class CallerGoneError(Exception):
    """Nobody is left to report to."""


class StuckError(Exception):
    """A killed run does not go away: the host is of no use any more."""


class ForkServer(NamedTuple):
    """The fork server's process and our end of the channel to it."""

    pid: int
    channel: socket.socket


Place = tuple[int, cgroup.Group | None]
"""A group's number, and it, if there are groups."""


@dataclass(slots=True)
class Clone:
    """A clone of the fork server, with a pid namespace of its own below it."""

    pid: int
    gone: int
    """Its pidfd."""
    stdout: int
    stderr: int
    line: socket.socket
    group: cgroup.Group | None
    oom_kills: cgroup.OomKills | None
    """Of its group, or of the container that we are in; None: its memory is looked at from outside."""
    family: Family
    lookout: Lookout
    start: float = 0.0
    """When it got its job, by time.monotonic."""

    def begin(self, job: Job) -> None:
        """The job is about to come: what the run uses counts from now on."""
        watchers = walls.watchers(job)
        if self.group is not None:
            self.group.limit(job.memory, job.processes + watchers)
        elif self.oom_kills is not None:
            self.oom_kills.forget()
        self.family.begin(watchers)
        if self.oom_kills is None:
            self.family.begin_to_count()

    def takes(self, descriptors: list[int]) -> bool:
        """Hand the job over. False if it has died."""
        self.start = time.monotonic()
        try:
            wire.send_descriptors(self.line, b"j", *descriptors)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def last_words(self) -> str:
        """Of one that died while it waited."""
        with contextlib.suppress(OSError):
            return guest.failure(self.line.recv(1 << 16, socket.MSG_DONTWAIT))
        return ""

    def kill(self) -> None:
        """Kill init, if it lives; the kernel then kills everything in its pid namespace."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.gone, signal.SIGKILL)
        if self.group is not None:
            self.group.hurry()

    def holds_more_than(self, limit: int) -> bool:
        if isinstance(self.oom_kills, cgroup.ContainerMemory) and self.oom_kills.grown_by() > limit + _SPARE_BYTES:
            return True
        return self.family.is_seen_to_hold_too_much(limit if self.oom_kills is None else None, self.lookout)

    def usage_so_far(self) -> Usage:
        return self.family.seen_usage(self.lookout)

    def usage(self) -> Usage:
        return Usage.of(os.wait4(self.pid, 0)[2])

    def bury(self) -> None:
        """Wait for the end of one that was killed."""
        gone = select.poll()
        gone.register(self.gone, select.POLLIN)
        if not gone.poll(_DYING_S * 1000):
            raise StuckError(f"a killed run did not end within {_DYING_S:.0f} s")
        self.usage()
        self.close()

    def close(self) -> None:
        for descriptor in (self.gone, self.stdout, self.stderr):
            os.close(descriptor)
        self.line.close()


class Host:
    """One fork server, one run at a time, and one spare clone made ahead of need."""

    def __init__(
        self,
        client: socket.socket,
        server: ForkServer,
        groups: list[cgroup.Group],
        oom_kills: cgroup.OomKills | None,
        user_id: int | None,
    ) -> None:
        """oom_kills: of the container that we are in, if any. user_id: of the clones outside, if not our own."""
        self._client = client
        self._server = server
        self._groups = groups
        self._oom_kills = oom_kills
        self._user_id = user_id
        self._spare: Clone | None = None
        self._ordered: tuple[int, int, socket.socket, cgroup.Group | None] | None = None
        self._turn = 0
        self._why = ""
        """No clone could be made the last time."""
        self._dying: Clone | None = None
        """One that was killed and has been reported already."""
        self._lookout = Lookout()
        self._sockets = -1
        """The kernel's list of the sockets in the runs' network namespace."""

    def serve(self) -> None:
        """Take jobs until the caller is gone."""
        try:
            self._sockets = os.open(f"/proc/{self._server.pid}/net/unix", os.O_RDONLY | os.O_CLOEXEC)
            self._order(self._next_place())
            while call := self._next_call():
                self._run(*call)
        except CallerGoneError:
            pass
        finally:
            self._client.close()  # first of all: whoever waits for a report shall know that none will come
            if self._spare is not None:
                self._spare.kill()
                self._spare.close()
            if self._ordered is not None:
                self._ordered[2].close()

    def _next_call(self) -> tuple[Job, list[int]] | None:
        """A job, and the descriptors that go to its clone. Meanwhile the last run is buried."""
        if self._dying is not None:
            client = self._client.fileno()
            if client not in select.select([client, self._dying.gone], [], [])[0]:
                self._bury()
        job, descriptors = wire.receive(self._client)
        return (Job(*job), descriptors) if job is not None else None

    def _bury(self) -> None:
        """Let nobody meet what the last run has left: sockets, and what the kernel counts by user."""
        dying, self._dying = self._dying, None
        if dying is not None:
            dying.bury()

    def _run(self, job: Job, descriptors: list[int]) -> None:
        """Follow one run, and report. What can wait is done after that: the caller's next job may be on its way."""
        seat = self._hand_over(job, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        others = {self._server.channel.fileno(): self._collect, self._client.fileno(): self._hang_up}
        watch = Watch(seat, job, seat.start, others)
        try:
            wire.send(self._client, watch.follow())
        finally:
            if watch.over:
                seat.close()
            else:
                seat.kill()
                self._dying = seat

    def _hand_over(self, job: Job, descriptors: list[int]) -> Clone:
        """Give the job to the spare clone; to another one if that died while it waited, before it knew of any job."""
        self._bury()
        self._wait_until_sockets_are_gone()
        for _ in range(_TRIES):
            seat = self._take_spare()
            if seat is None:
                continue
            try:
                seat.begin(job)
                place = self._next_place()
                if seat.takes(descriptors):
                    self._order(place, at_once=True)
                    return seat
                self._why = seat.last_words()
            except BaseException:
                seat.kill()
                seat.bury()
                raise
            seat.kill()
            seat.bury()
        raise RuntimeError(
            f"{_TRIES} clones in a row could not be made, or died before they got their job; {self._why}"
        )

    def _take_spare(self) -> Clone | None:
        """The clone that was made ahead of need, or one made now; None if that failed."""
        if self._spare is None:
            if self._ordered is None:
                self._order(self._next_place())
            self._collect()
        seat, self._spare = self._spare, None
        return seat

    def _wait_until_sockets_are_gone(self) -> None:
        """The runs share a network namespace. A socket outlives its run, shortly, when it was on its way to another."""
        until = time.monotonic() + _END_S
        while os.pread(self._sockets, 1 << 10, 0).count(b"\n") > 1:  # the heading
            if time.monotonic() > until:
                raise RuntimeError(f"sockets of the last run are still there after {_END_S:.0f} s")
            time.sleep(0.001)

    def _hang_up(self) -> None:
        """The caller sends nothing while a run is on, so this is its end."""
        raise CallerGoneError

    def _next_place(self) -> Place:
        """Where the next clone is to be born.

        A fork server that we move must be out of the job's group before a job is in it.
        """
        self._turn += 1
        turn = self._turn % cgroup.TURNS
        group = self._groups[turn] if self._groups else None
        if group is not None:
            group.make_room()
            if not group.doors:  # clones are born into the fork server's group, which is cheaper than being moved
                group.add(self._server.pid)
        return turn, group

    def _order(self, place: Place, *, at_once: bool = False) -> None:
        """Ask for the next clone, without waiting for it.

        at_once: or not at all, if the run that is on keeps us from it.
        """
        turn, group = place
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        if self._user_id is not None:  # else /dev/stdout could not be opened inside
            os.fchown(out_write, self._user_id, self._user_id)
            os.fchown(err_write, self._user_id, self._user_id)
        line, end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        theirs = (end.fileno(), out_write, err_write)
        try:
            wire.send_descriptors(self._server.channel, bytes([turn]), *theirs, at_once=at_once)
            self._ordered = (out_read, err_read, line, group)
        except wire.CrowdedError:
            if not at_once:
                raise
            os.close(out_read)
            os.close(err_read)
            line.close()
        finally:
            end.close()
            os.close(out_write)
            os.close(err_write)

    def _collect(self) -> None:
        """Take the ordered clone, if it could be made: the run that is on may have taken the last process there was."""
        reply = self._server.channel.recv(zygote.PID.size)
        if not reply or self._ordered is None:
            raise RuntimeError("the fork server is gone")
        stdout, stderr, line, group = self._ordered
        self._ordered = None
        pid = zygote.PID.unpack(reply)[0]
        if pid < 0:
            self._why = f"clone: {os.strerror(-pid)}"
            os.close(stdout)
            os.close(stderr)
            line.close()
            return
        oom_kills = group.oom_kills if group is not None else self._oom_kills
        ends = (os.pidfd_open(pid), stdout, stderr, line)
        self._spare = Clone(pid, *ends, group, oom_kills, Family(pid), self._lookout)


def main(*at_fork: Any) -> None:
    """argv: folder of this package, number of the channel's descriptor, modules that are imported already.

    at_fork: `zygote.AtFork`.
    """
    os.umask(0o022)
    del os.environ["LD_BIND_NOW"]  # which was for this interpreter alone
    _forget_signals()
    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, int(sys.argv[2]))
    client.set_inheritable(False)
    first, _ = wire.receive(client)
    if first is None:
        return
    settings = zygote.Settings(*first)
    groups = cgroup.open_groups(settings.slot)
    oom_kills = cgroup.of_container() if settings.contained else None
    capped = oom_kills is not None or any("cgroup-memory" in group.layers for group in groups)
    channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        client.close()
        channel.close()
        try:
            doors = [group.doors for group in groups] or [[]] * len(cgroup.NAMES)
            script = zygote.become(settings, theirs, capped, doors, zygote.AtFork(*at_fork))
        except Exception:  # a process boundary: the host tells the caller
            theirs.sendall(traceback.format_exc().encode()[-4000:])
            os._exit(1)
        os._exit(program.run(script))
    theirs.close()
    user_id = settings.user_id if os.geteuid() == 0 else None
    host = Host(client, ForkServer(pid, channel), groups, oom_kills, user_id)
    try:
        _serve(host, client, channel, groups[0].layers if groups else ("watchdog",), capped)
    finally:
        channel.close()
        _reap()
        for group in groups:
            group.remove()


def _forget_signals() -> None:
    """What our caller blocks or ignores is no affair of programs."""
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:  # which Python itself ignores
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def _serve(host: Host, client: socket.socket, channel: socket.socket, layers: tuple[str, ...], capped: bool) -> None:
    """Wait for the fork server to be ready, tell the caller, and begin."""
    channel.settimeout(_START_S)
    hello = channel.recv(1 << 16)
    if hello != zygote.READY:
        wire.send(client, ("failed", hello.decode(errors="replace") or "the fork server died at its start"))
        return
    channel.settimeout(_CLONE_S)
    wire.send(client, ("ready", (layers, capped, walls.hard_limits())))
    host.serve()


def _reap() -> None:
    """Wait for the fork server and the last clones, which end as nobody talks to them: leave no zombie to others."""
    until = time.monotonic() + _END_S
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < until:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.002)
