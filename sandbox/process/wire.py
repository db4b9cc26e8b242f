"""What the sandbox's own processes say to each other: plain tuples, marshalled into a memfd and passed as a descriptor.

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
_CROWDED_S = 20.0
_crowd = _thread.allocate_lock()  # without `threading`, which programs would find loaded and pay for


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
        send_descriptors(channel, b"m", payload, *descriptors)
    finally:
        os.close(payload)


def send_descriptors(channel: socket.socket, letter: bytes, *descriptors: int) -> None:
    """Send one byte with descriptors beside it.

    How many may be under way at once the kernel counts for all processes of a user, programs in the sandbox among them
    where we are not root. What those send must not keep us from it.
    """
    until = time.monotonic() + _CROWDED_S
    while True:
        try:
            socket.send_fds(channel, [letter], descriptors)
            return
        except OSError as error:
            if error.errno != errno.ETOOMANYREFS or time.monotonic() > until:
                raise
        with _crowd, _most_open_files():
            with contextlib.suppress(OSError):
                socket.send_fds(channel, [letter], descriptors)
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


def receive(channel: socket.socket) -> list[int]:
    """The descriptors of the next message, its own memfd first; empty when the other end is gone."""
    return receive_descriptors(channel)[1]


def receive_descriptors(channel: socket.socket) -> tuple[bytes, list[int]]:
    """What `send_descriptors` sent; nothing when the other end is gone.

    No program gets the descriptors. `socket.recv_fds` of Python 3.11 takes flags, and does not hand them on.
    """
    letter, ancillary, _, _ = channel.recvmsg(1, _ROOM, socket.MSG_CMSG_CLOEXEC)
    return letter, list(struct.unpack(f"={len(ancillary[0][2]) // 4}i", ancillary[0][2])) if ancillary else []
