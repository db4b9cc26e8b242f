"""How a run's first two processes come to life: a clone that becomes init, and init's child, the program."""

import ctypes
import os
import signal
from collections.abc import Sequence

from sandbox.process import kernel, native
from sandbox.process.native import OPENED, Row, Table

WRITE, OPEN, CLOSE, DUP2, CHDIR, MKDIR, SETSID, CAPSET, PRCTL, SETRLIMIT, MOUNT, SETHOSTNAME, EXECVE = (
    1, 2, 3, 33, 80, 83, 112, 126, 157, 160, 165, 170, 59,
)  # fmt: skip


class WallError(Exception):
    """We are a program, and something that it begins with failed."""


def written(path: str, content: bytes) -> tuple[Row, ...]:
    """Write `content` into a file that is there."""
    return (
        Row(OPEN, (path.encode(), os.O_WRONLY | os.O_CLOEXEC)),
        Row(WRITE, (OPENED, content, len(content))),
        Row(CLOSE, (OPENED,)),
    )


def mounted(source: str, target: str, kind: str, flags: int, options: str = "") -> Row:
    """`mount` of kernel.py."""
    return Row(MOUNT, (source.encode(), target.encode(), kind.encode(), flags, options.encode()))


class _Birth(ctypes.Structure):
    """`struct birth` of native.S."""

    _pack_ = 1
    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("walls", ctypes.c_void_p),
        ("init_rows", ctypes.c_void_p),
        ("program_rows", ctypes.c_void_p),
        ("fork", ctypes.c_void_p),
        ("line", ctypes.c_uint32),
        ("unused", ctypes.c_char * 3),
        ("failed_letter", ctypes.c_char),
        ("failed_result", ctypes.c_int64),
    )


class Birth:
    """Gives birth whenever asked.

    flags: the clone's namespaces; walls: what the clone carries out before the program is born; init_rows: what it does
    to become init; program_rows: what the program begins with; failed: the letter of a clone's message to the host that
    rows of its own failed, with `native.failure` in eight bytes. The output descriptors become 1 and 2.
    """

    def __init__(
        self, flags: int, walls: Sequence[Row], init_rows: Sequence[Row], program_rows: Sequence[Row], failed: bytes
    ) -> None:
        outputs = [Row(DUP2, (0, stream)) for stream in (1, 2)]  # what becomes them differs from birth to birth
        line = Row(DUP2, (0, 0))
        self._tables = (Table([*outputs, *walls]), Table([line, *init_rows]), Table(program_rows))
        self._rows = (*self._tables[0].rows[: len(outputs)], self._tables[1].rows[0])
        addresses = (table.address for table in self._tables)
        self.flags = flags | kernel.CLONE_VM | kernel.CLONE_VFORK | signal.SIGCHLD
        """Of the system call."""
        self._birth = _Birth(self.flags, *addresses, kernel.ADDRESS_OF_FORK, failed_letter=failed)
        self._address = ctypes.addressof(self._birth)

    def give(self, line: int, stdout: int, stderr: int) -> int:
        """Clone: in the fork server gives the clone's pid, in the program 0.

        Single-threaded callers only; a program is a bare copy until `kernel.put_right`. Raises OSError in the fork
        server when it cannot clone, WallError in a program that could not be finished.
        """
        for row, descriptor in zip(self._rows, (stdout, stderr, line), strict=True):
            row.arguments[0] = descriptor
        self._birth.line = line
        kernel.before_fork()
        result: int = native.birth(self._address)
        if result == 0:
            return 0
        if result >> 32 > 0:
            raise WallError(native.failure(result))
        kernel.after_fork_in_parent()
        if result < 0:
            raise OSError(-result, f"clone: {os.strerror(-result)}")
        return result
