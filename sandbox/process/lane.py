"""One lane of the process backend: the caller's end of one host process, which is replaced when it dies."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

from sandbox.base import SandboxUnavailable
from sandbox.lane import Job, LaneLostError, Report
from sandbox.process import cgroup, probe, sheet, walls, wire
from sandbox.process.zygote import Settings

_START_S = 40.0
_GRACE_S = 30.0
"""How long past a run's deadline a host may take to report: clean-up, and bringing files back."""
_END_S = 10.0
_BOOT = (
    "import os, sys; register, hooks = os.register_at_fork, []; "
    "os.register_at_fork = lambda **each: hooks.append(each) or register(**each); "
    "[__import__(name) for name in sys.argv[3:]]; sys.path.insert(0, sys.argv[1]); "
    "from sandbox.process.host import main; main(register, hooks)"
)
_ENVIRONMENT = {
    "LANG": walls.ENVIRONMENT["LANG"],  # by which Python chooses its encodings
    "LD_BIND_NOW": "1",  # else each clone looks up again what it calls
}
_SOURCE = str(Path(__file__).parents[2])


class HostLane:
    """A host process and the channel to it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._starts = 0
        self._guard = threading.Lock()
        self._busy = threading.Lock()
        """Held while a thread uses the channel: only it may close the descriptor then."""
        self._host: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self.layers: tuple[str, ...] = ()
        self._capped = False
        self._hard_limits: dict[int, int] = {}
        self._closed = False

    def run(self, job: Job, stdin: bytes) -> Report:
        """Run one job. Raises LaneLostError when no answer came, SandboxUnavailable when no host can be started."""
        with self._busy:
            return self._run(job, stdin)

    def _run(self, job: Job, stdin: bytes) -> Report:
        try:
            channel = self._channel or self.start()
            channel.settimeout(job.wall_s + _GRACE_S)
            self._send(channel, job, stdin)
            return Report(*self._receive(channel))
        except OSError as error:
            why = f"{error}\n{self._stop()}".strip()
            raise LaneLostError(f"the sandbox's host process was lost: {why}") from error
        except BaseException:  # an interrupt: what is still to come is no answer to the next job
            self._stop()
            raise

    def _send(self, channel: socket.socket, job: Job, stdin: bytes) -> None:
        rows = [*walls.resized(job.disk), *walls.settled(job, self._hard_limits, capped=self._capped)]
        descriptors = [sheet.write(job, rows)]
        try:
            descriptors.append(wire.memfd(stdin))
            told = job._replace(files={}, argv=(), script=None, path=())  # what matters to the host
            wire.send(channel, told, *descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _receive(self, channel: socket.socket) -> tuple[Any, ...]:
        message, _ = wire.receive(channel)
        if message is None:
            raise ConnectionResetError("it closed its channel")
        return message

    def start(self) -> socket.socket:
        """Start the host. Raises SandboxUnavailable when this machine does not allow one."""
        with self._guard:
            if self._closed:
                raise LaneLostError("the sandbox was closed")
            try:
                self._host, self._channel = self._spawn()
            except OSError as error:
                raise SandboxUnavailable(f"the sandbox's host process could not be started: {error}") from error
            ours = self._channel
        try:
            ours.settimeout(_START_S)
            wire.send(ours, self._settings._replace(slot=self._slot()))
            state, told = self._receive(ours)
        except OSError as error:
            state, told = "failed", f"{error}\n{self._stop()}"
        if state != "ready":
            self._stop()
            if self._closed:
                raise LaneLostError("the sandbox was closed")
            raise SandboxUnavailable(probe.explain(str(told)))
        assert isinstance(told, tuple)
        self.layers, self._capped, self._hard_limits = told
        return ours

    def _spawn(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        """A host, and our end of the channel to it. Leaves nothing when it fails."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                host = subprocess.Popen(
                    [interpreter(), "-I", "-S", "-c", _BOOT, _SOURCE, str(theirs.fileno()), *self._first()],
                    bufsize=0,
                    env=_ENVIRONMENT,
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    # A pipe, as runs have, for the streams of Python's that they get are made of it. The host itself
                    # only writes there why it ends.
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            except OSError:
                ours.close()
                raise
        return host, ours

    def _slot(self) -> str:
        """Another one for each host: in the last one's groups a run may still be dying."""
        return f"{self._settings.slot}-{self._starts}"

    def _first(self) -> list[str]:
        """Modules to load ahead of our own code: what a clone touches then lies close together, and less is copied."""
        return [name for name in self._settings.preload if name in sys.stdlib_module_names]

    def _stop(self) -> str:
        """End the host, which goes by itself or is killed, and all below it. Gives its last words."""
        with self._guard:
            host, channel, self._host, self._channel = self._host, self._channel, None, None
        if channel is not None:
            channel.close()
        if host is None:
            return ""
        try:
            host.wait(_END_S)
        except subprocess.TimeoutExpired:
            host.send_signal(signal.SIGKILL)
            host.wait()
        cgroup.remove_groups(self._slot())
        self._starts += 1
        assert host.stdout is not None
        with host.stdout as words:
            return _tail(words)

    def close(self) -> None:
        """End the host. A run that is on is lost. Can be called twice."""
        with self._guard:
            self._closed = True
            channel = self._channel
        if channel is not None:
            with contextlib.suppress(OSError):  # the host was faster
                channel.shutdown(socket.SHUT_RDWR)  # wakes whoever waits for a report
        with self._busy:
            self._stop()


def interpreter() -> str:
    """The interpreter below any virtual environment."""
    return str(Path(getattr(sys, "_base_executable", None) or sys.executable).resolve())


def _tail(words: IO[bytes]) -> str:
    os.set_blocking(words.fileno(), False)
    return (words.read(1 << 16) or b"").decode(errors="replace")[-4000:].strip()
