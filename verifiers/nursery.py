"""The parent's side of the nursery: start it, have it fork workers, talk to them, kill them.

What runs inside is in `worker_main.py`; who gets which job, and for how long, is `workers.py`. Everything here lives on
one event loop, and every wait ends.
"""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from verifiers.registry import ENVIRONMENT
from verifiers.worker_main import LENGTH, kill_group

START_S = 60.0
"""The longest wait for the nursery: it may have to import SymPy on a busy machine."""
OWN_FAULT = 0.5
"""A job that used less than this share of its deadline on a CPU was starved by the machine, not slow by itself."""

_BOOT = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from verifiers.worker_main import nursery; "
_BOOT += "nursery(*map(int, sys.argv[2:]))"


class Lost(Exception):
    """A worker, or the nursery, is gone or never came. The message says how it ended."""


class Link(asyncio.Protocol):
    """The parent's end of a worker's socket: frames in order of arrival."""

    def __init__(self) -> None:
        self.frames: deque[bytes] = deque()
        self.transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._closed = False
        self._waiter: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= LENGTH.size:
            end = LENGTH.size + LENGTH.unpack_from(self._buffer)[0]
            if len(self._buffer) < end:
                break
            self.frames.append(bytes(self._buffer[LENGTH.size : end]))
            del self._buffer[:end]
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        self._closed = True
        self._wake()

    def _wake(self, overdue: bool = False) -> None:
        if self._waiter and not self._waiter.done() and (self.frames or self._closed or overdue):
            self._waiter.set_result(None)

    def write(self, frames: Iterable[bytes]) -> None:
        if self.transport and not self._closed:
            self.transport.writelines(frames)

    async def read(self, timeout_s: float) -> bytes | None:
        """The next frame, or None if none came in time. Raises Lost when the other end is closed.

        A frame that arrived while this loop was too busy to look counts: the clock is only asked when there is none.
        """
        if not self.frames and not self._closed:
            loop = asyncio.get_running_loop()
            self._waiter = loop.create_future()
            timer = loop.call_later(timeout_s, self._wake, True)
            try:
                await self._waiter
            finally:
                timer.cancel()
        if self.frames:
            return self.frames.popleft()
        if self._closed:
            raise Lost("closed")
        return None

    def close(self) -> None:
        if self.transport:
            self.transport.abort()


@dataclass(slots=True)
class Worker:
    """One forked process."""

    pid: int
    link: Link
    home: subprocess.Popen[bytes] | None
    """The nursery that forked it."""
    generation: int
    served: int = 0
    cpu_at_start: float = 0.0

    def cpu_s(self) -> float:
        """CPU seconds used so far. The clock of a process that the nursery has not reaped is there to read."""
        return time.clock_gettime((~self.pid << 3) | 2)

    def start_clock(self) -> None:
        with contextlib.suppress(OSError):  # it is dead, as its link is about to tell
            self.cpu_at_start = self.cpu_s()

    def state(self) -> str:
        """The kernel's letter: R runs or wants to, S sleeps by its own will, D is stuck in the kernel, T is stopped."""
        with Path(f"/proc/{self.pid}/stat").open("rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0].decode()

    def own_fault(self, deadline_s: float) -> bool:
        """Whether the job itself used up its time; False while the machine keeps it from running. Raises Lost."""
        try:
            state, used_s = self.state(), self.cpu_s() - self.cpu_at_start
        except OSError:
            raise Lost("closed") from None
        if state == "T":
            raise Lost("stopped")
        return state == "S" or used_s >= OWN_FAULT * deadline_s


class Nursery:
    """The clean process that forks the workers, started on first use and again if it is lost."""

    def __init__(self, memory_mb: int) -> None:
        self.generation = 0
        self._memory_mb = memory_mb
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._started_with = _surroundings()
        self._loaded: set[str] = set()
        self._turn = asyncio.Lock()

    async def load(self, verifier: str) -> None:
        """Import a verifier there. Workers forked before do without it, so they belong to an older generation."""
        async with self._turn:
            if verifier not in self._loaded:
                if self._process and self._started_with != _surroundings():
                    self.close()  # the verifier may lie where the nursery, started earlier, does not look
                await self._ask(f"load {verifier}")
                self._loaded.add(verifier)
                self.generation += 1

    async def fork(self) -> Worker:
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:  # out of file descriptors
            raise Lost(f"no socket: {error.strerror}") from None
        try:
            with theirs:
                async with self._turn:
                    pid = int(await self._ask("fork", theirs.fileno()))
                    worker = Worker(pid, Link(), self._process, self.generation)
            await asyncio.get_running_loop().create_connection(lambda: worker.link, sock=ours)
        except BaseException:
            ours.close()
            raise
        return worker

    async def end(self, worker: Worker) -> str:
        """Kill a worker at once and say how it had ended."""
        worker.link.close()
        if worker.home is None or worker.home.poll() is not None:
            return "nursery lost"  # and the worker with it
        kill_group(worker.pid)
        async with self._turn:
            return await self._ask(f"end {worker.pid}") if worker.home is self._process else "nursery lost"

    async def _ask(self, command: str, attach: int | None = None) -> str:
        try:
            control = self._control or self._start()
            socket.send_fds(control, [command.encode()], [] if attach is None else [attach])
            async with asyncio.timeout(START_S):
                reply = await asyncio.get_running_loop().sock_recv(control, 256)
        except (OSError, TimeoutError) as error:
            self.close()
            raise Lost(f"nursery: {error}") from None
        except BaseException:  # cancelled between question and answer: the next answer would be mistaken for this one
            self.close()
            raise
        if not reply:
            self.close()
            raise Lost("nursery: closed")
        return reply.decode()

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        numbers = [theirs.fileno(), os.getpid(), self._memory_mb]
        self._started_with = _surroundings()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _BOOT, json.dumps(sys.path), *map(str, numbers)],
                stdin=subprocess.DEVNULL,
                stdout=2,  # what a verifier prints must not mix with our caller's output
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for the caller, who then closes us
                env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
        self._control = ours
        return ours

    def close(self) -> None:
        """Kill it; its workers die with it."""
        if self._control:
            self._control.close()
        if self._process:
            self._process.kill()
            self._process.wait(timeout=10)
        self._control = self._process = None
        self._loaded.clear()
        self.generation += 1


def _surroundings() -> tuple[list[str], str]:
    """Where a process that is started now finds verifiers."""
    return list(sys.path), os.environ.get(ENVIRONMENT, "")
