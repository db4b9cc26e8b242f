"""One run in a container that was made for it: the supervisor forks the program, watches it, reports, and ends.

The container's walls are the run's. What they lack is added as in the process backend: our filter of system calls, no
privileges to be gained, limits of the process. The supervisor is process 1, which no signal from inside can kill.
"""

import contextlib
import os
import platform
import resource
import signal
import socket
import time

from sandbox.docker import frames
from sandbox.lane import Job
from sandbox.process import cgroup, guest, kernel, native, program, seccomp, walls, wire
from sandbox.process.family import Family, Usage
from sandbox.process.native import Row
from sandbox.process.watch import Watch

_BACKSTOP_PROCESSES = 4096
"""The container's limit is exact. This one counts all that its user runs on the host, so it can only be a backstop."""


class Fork:
    """A program, our child; its orphans become our children too."""

    def __init__(self, job: Job) -> None:
        self.stdout, self.stdout_end = os.pipe()
        self.stderr, self.stderr_end = os.pipe()
        self.line, self.line_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.gone, self._gone_end = os.pipe()
        self.oom_kills = cgroup.of_container()
        # Without a thread that could be kept waiting instead of us: programs would see it among the processes.
        self._family = Family(os.getpid())
        self._program = 0
        self._fetch = job.fetch
        self._room = job.disk

    def begun(self, program: int) -> None:
        """Let go of what is the program's."""
        self._program = program
        self._family.begin(1)
        self._family.begin_to_count()
        os.close(self.stdout_end)
        os.close(self.stderr_end)

    def kill(self) -> None:
        """Everything in the container but us."""
        self._fetch = ()
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)

    def holds_more_than(self, limit: int) -> bool:
        if self.oom_kills is not None and self.oom_kills.grown_by() > limit:
            return True
        return self._family.holds_too_much(limit if self.oom_kills is None else None)

    def usage_so_far(self) -> Usage:
        self.kill()  # first, for the living can keep whoever looks waiting
        return self._family.usage()

    def usage(self) -> Usage:
        return Usage.of(resource.getrusage(resource.RUSAGE_CHILDREN))

    def reap(self) -> None:
        """Take leave of all that have ended."""
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self._program:
                    self._finish(ended[1])

    def _finish(self, status: int) -> None:
        """Report the end; files are sent by a process of its own, for they may be larger than the line holds."""
        names, line = self._fetch, self.line_end.fileno()
        if names:
            guest.kill_the_rest()  # so that nobody changes them meanwhile
            if os.fork() == 0:
                guest.tell_end(line, status, names, self._room)
                os._exit(0)
        else:
            guest.tell_end(line, status, (), 0)
        self.line_end.close()
        os.close(self._gone_end)


def serve() -> bytes:
    """Carry out one job and end. Returns only in the process that is to run a script: it."""
    try:
        job, stdin = frames.read_job(frames.exactly)
    except EOFError:  # the caller has no use for us any more
        os._exit(0)
    fork = Fork(job)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_read, False)
    os.set_blocking(wake_write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    # Made here, so that the program's first steps find it in order.
    program_filter = seccomp.Filter(groups=fork.oom_kills is not None) if platform.machine() == "x86_64" else None
    content = wire.memfd(stdin)
    start = time.monotonic()
    pid = os.fork()
    if pid == 0:
        return _become_program(job, content, fork, program_filter)
    os.close(content)
    fork.begun(pid)

    def wake() -> None:
        os.read(wake_read, 4096)
        fork.reap()

    report = Watch(fork, job, start, {wake_read: wake, 0: _hang_up}).follow()
    for part in frames.report_parts(report, job):
        frames.put(part)
    os._exit(0)


def _hang_up() -> None:
    """The caller sends nothing more, so this is its end, and with us the container's."""
    os._exit(1)


def _become_program(job: Job, standard_input: int, fork: Fork, program_filter: seccomp.Filter | None) -> bytes:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    kernel.set_dumpable(True)
    for theirs, stream in ((standard_input, 0), (fork.stdout_end, 1), (fork.stderr_end, 2)):
        os.dup2(theirs, stream)
    rows = [
        *walls.written("/proc/self/oom_score_adj", b"1000"),
        walls.yielding(),
        Row("setsid", ()),
        Row("chdir", (walls.HOME.encode(),)),
        Row("mkdir", (walls.SCRIPTS.encode(), 0o755)),
        walls.UNPRIVILEGED,
        *walls.confining(in_container=True),
        *walls.settled(
            job._replace(processes=_BACKSTOP_PROCESSES), walls.hard_limits(), capped=True, in_container=True
        ),
    ]
    if program_filter is not None:
        rows.append(program_filter.installed())
    try:
        native.carry_out_by_library(rows)
        if job.script is None:
            guest.execute(job)
        program.set_the_stage()
        program.adapt(job.argv[1:], job.files)
    except BaseException:  # a process boundary: tell the watch, whatever it was
        guest.give_up(fork.line_end.fileno())
    os.closerange(3, 1 << 16)
    return job.script
