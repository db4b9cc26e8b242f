"""What happens inside a clone in Python: how files come back, and how a script or another program begins.

By then machine code has built the walls and carried out what the job's sheet says (see `birth` and `walls`): the clone
has become init (process 1 of the run), which reaps and tells how the program ended, and its child, a copy of the fork
server, is to be the program. Init, and who stays behind to bring files back, are neither traceable nor readable for the
program, though all have the same user id.
"""

import contextlib
import os
import signal
import stat
import struct
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from sandbox.lane import Job
from sandbox.process import kernel, native
from sandbox.process.walls import ENVIRONMENT, HOME

FAILED, UNBUILT, ENDED, FILE, CONTENT = b"F", b"U", b"E", b"N", b"C"
"""First byte of each message to the host: the sandbox failed (text), rows could not be carried out (a result for
`native.failure`), the program ended, a file begins, more of it."""
STATUS = struct.Struct("=i")
"""The program's wait status."""
FILE_HEAD = struct.Struct("=qq")
"""A file's index in the list asked for, and its size."""

_MOST_SENT = 1 << 30
"""Bytes of files that come back; the messages that they then go in hold no more than twice as much."""
_CANNOT_EXECUTE = 126
"""A shell's exit code for it."""
_CHUNK = 1 << 15


def failure(message: bytes) -> str:
    """What a message says of the sandbox's own failure; nothing if it is none."""
    if message[:1] == UNBUILT:
        return f"the walls of a run: {native.failure(int.from_bytes(message[1:], sys.byteorder))}"
    return message[1:].decode(errors="replace") if message[:1] == FAILED else ""


def give_up(line: int) -> NoReturn:
    """The exception that is being handled is the sandbox's own failure."""
    os.write(line, FAILED + traceback.format_exc(limit=-3).encode()[-4000:])
    os._exit(1)


def stay_behind(line: int, names: Sequence[str], room: int) -> None:
    """Fork: returns in what is to become the program; we tell of its end before init does, and send these files."""
    kernel.set_dumpable(False)
    program = os.fork()
    if program == 0:
        kernel.set_dumpable(True)
        os.setsid()
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the program's own is its affair
    kernel.become_subreaper()
    kernel.drop_capabilities()
    pid, status = 0, 0
    while pid != program:
        pid, status = os.wait()
    kill_the_rest()
    tell_end(line, status, names, room)
    os._exit(0)


def tell_end(line: int, status: int, names: Sequence[str], room: int) -> None:
    """Report the program's wait status, and send the files of these names that there are and fit into `room` bytes."""
    os.write(line, ENDED + STATUS.pack(status))
    room = min(room, _MOST_SENT)
    for index, name in enumerate(names):
        room -= _send_file(line, index, name, room)


def kill_the_rest() -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def _send_file(line: int, index: int, name: str, room: int) -> int:
    """Bytes that were sent."""
    try:
        descriptor = _open_beneath(name)
    except OSError:
        return 0  # not there, or not a plain file on a plain path: then it is not among the results
    size = left = os.fstat(descriptor).st_size
    if size <= room:
        os.write(line, FILE + FILE_HEAD.pack(index, size))
        while left and (chunk := os.read(descriptor, min(left, _CHUNK))):
            os.write(line, CONTENT + chunk)
            left -= len(chunk)
    os.close(descriptor)
    return size - left


def _open_beneath(name: str) -> int:
    """Open a regular file below the working folder, following no symlink anywhere on the way."""
    *folders, last = name.split("/")
    here = os.open(HOME, os.O_PATH | os.O_DIRECTORY)
    try:
        for folder in folders:
            there = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
            os.close(here)
            here = there
        # O_NONBLOCK: a FIFO must not hold us up before we see that it is one.
        file = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=here)
    finally:
        os.close(here)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(f"{name} is not a regular file")
    return file


def execute(job: Job) -> NoReturn:
    """Become another program, which gets the standard streams and no other file.

    Python ignores two signals that others expect at their default.
    """
    kernel.close_on_execution(3)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    environment = ENVIRONMENT | {"PATH": ":".join((*job.path, ENVIRONMENT["PATH"]))}
    try:
        os.execvpe(job.argv[0], job.argv, environment)
    except OSError as error:
        if not job.argv[0].startswith("./"):
            raise
        # A compiler's product is the program's own doing, also one that no kernel takes for a program.
        os.write(2, f"{job.argv[0]}: {error.strerror}\n".encode())
        os._exit(_CANNOT_EXECUTE)
