"""What the sandbox's own processes say to each other: plain tuples, marshalled, and descriptors.

Both ends are this package under one interpreter, so marshal is safe and fast. Nothing that a program wrote is ever
unmarshalled as a message: its output travels as bytes inside one.
"""

import _thread
import contextlib
import errno
import fcntl
import marshal
import os
import resource
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_ROOM = socket.CMSG_SPACE(4 * 4)
"""For four descriptors."""
_SHORT = 32 << 10
"""Bytes of a tuple that go without a file."""
_IN_FILE = b"f"
"""Of a tuple that does not: the last descriptor is the file's. No tuple is so short."""
_CROWDED_S = 20.0
_crowd = _thread.allocate_lock()  # without `threading`, which programs would find loaded and pay for


def memfd(*parts: bytes) -> int:
    """An anonymous file that nobody can change any more, opened at its start."""
    descriptor = os.memfd_create("message", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with open(descriptor, "wb", closefd=False) as file:
        file.writelines(parts)
    os.lseek(descriptor, 0, os.SEEK_SET)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    return descriptor


def send(channel: socket.socket, message: tuple[Any, ...], *descriptors: int) -> None:
    """Send one tuple, with descriptors beside it."""
    content = marshal.dumps((*message,))
    if len(content) <= _SHORT:
        send_descriptors(channel, content, *descriptors)
        return
    payload = memfd(content)
    try:
        send_descriptors(channel, _IN_FILE, *descriptors, payload)
    finally:
        os.close(payload)


def receive(channel: socket.socket) -> tuple[tuple[Any, ...] | None, list[int]]:
    """The next tuple, None when the other end is gone, and the descriptors beside it, which no program gets.

    (`socket.recv_fds` of Python 3.11 takes flags, and does not hand them on.)
    """
    content, ancillary, _, _ = channel.recvmsg(_SHORT, _ROOM, socket.MSG_CMSG_CLOEXEC)
    descriptors = list(struct.unpack(f"={len(ancillary[0][2]) // 4}i", ancillary[0][2])) if ancillary else []
    if content == _IN_FILE:
        payload = descriptors.pop()
        size, content = os.fstat(payload).st_size, b""
        while len(content) < size:
            content += os.pread(payload, size - len(content), len(content))
        os.close(payload)
    return marshal.loads(content) if content else None, descriptors


class CrowdedError(OSError):
    """Too many descriptors are under way."""


def send_descriptors(channel: socket.socket, content: bytes, *descriptors: int, at_once: bool = False) -> None:
    """Send a few bytes, and at least one, with descriptors beside them.

    How many may be under way at once the kernel counts for all processes of a user, programs in the sandbox among them
    where we are not root. What those send must not keep us from it. Raises CrowdedError when it does for long, or, with
    `at_once`, at all.
    """
    until = time.monotonic() + _CROWDED_S
    while True:
        try:
            if descriptors:
                socket.send_fds(channel, [content], descriptors)
            else:
                channel.send(content)
            return
        except OSError as error:
            if error.errno != errno.ETOOMANYREFS:
                raise
            if at_once or time.monotonic() > until:
                raise CrowdedError(error.errno, error.strerror) from error
        with _crowd, _most_open_files():
            with contextlib.suppress(OSError):
                socket.send_fds(channel, [content], descriptors)
                return
        time.sleep(0.01)


@contextlib.contextmanager
def _most_open_files() -> Iterator[None]:
    """For a moment the limit of open files, which is also that of descriptors under way, is the highest possible."""
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))
