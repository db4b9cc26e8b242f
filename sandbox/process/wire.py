"""What the sandbox's own processes say to each other: plain tuples, marshalled into a memfd and passed as a descriptor.

Both ends are this package under one interpreter, so marshal is safe and fast. Nothing that a program wrote is ever
unmarshalled as a message: its output travels as bytes inside one.
"""

import fcntl
import marshal
import os
import socket
from typing import Any, NamedTuple

_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_MAX_DESCRIPTORS = 4


class Job(NamedTuple):
    """One run as the host and the guest see it. Sizes in bytes, time in seconds."""

    wall_s: float
    memory: int
    processes: int
    output: int
    disk: int
    files: dict[str, bytes]
    executables: tuple[str, ...]
    """Those of `files` that may be executed."""
    argv: tuple[str, ...]
    """What to execute, and its arguments; for a script its path and arguments."""
    script: bytes | None
    """Python for the warm interpreter. None: execute argv."""
    path: tuple[str, ...]
    """Folders to look for executables in, before the system's."""
    fetch: tuple[str, ...]
    address_space: bool
    """Whether the language lives with a limit on its address space."""


class Report(NamedTuple):
    """What the host saw of one run."""

    failure: str
    """The sandbox's own failure; the rest says nothing then."""
    killed: str
    """Why the host killed the run: "", "timeout", "output", "memory"."""
    wait_status: int | None
    """As from waitpid; None when the program's init died without a word."""
    stdout: bytes
    stderr: bytes
    truncated: bool
    wall_s: float
    cpu_s: float
    max_rss: int
    files: dict[str, bytes]


def memfd(content: bytes) -> int:
    """An anonymous file that nobody can change any more, opened at its start."""
    descriptor = os.memfd_create("message", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    return descriptor


def load(descriptor: int) -> Any:
    """The tuple in a message's memfd. Its offset does not matter, for several processes may share it."""
    size, content = os.fstat(descriptor).st_size, b""
    while len(content) < size:
        content += os.pread(descriptor, size - len(content), len(content))
    return marshal.loads(content)


def send(channel: socket.socket, message: tuple[Any, ...], *descriptors: int) -> None:
    """Send one tuple, with further descriptors beside it."""
    payload = memfd(marshal.dumps(tuple(message)))
    try:
        socket.send_fds(channel, [b"m"], [payload, *descriptors])
    finally:
        os.close(payload)


def receive(channel: socket.socket) -> list[int]:
    """The descriptors of the next message, its own memfd first; empty when the other end is gone."""
    _, descriptors, _, _ = socket.recv_fds(channel, 1, _MAX_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
    return descriptors
