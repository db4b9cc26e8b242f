"""How a run's first two processes come to life: a clone that becomes init, and init's child, the program."""

import ctypes
import os
import signal
from collections.abc import Sequence
from enum import Enum, auto

from sandbox.process import kernel, native
from sandbox.process.native import OPENED, Row, Table

WRITE, OPEN, CLOSE, DUP2, CHDIR, MKDIR, SETSID, CAPSET, PRCTL, SETRLIMIT, MOUNT, SETHOSTNAME = (
    1, 2, 3, 33, 80, 83, 112, 126, 157, 160, 165, 170,
)  # fmt: skip
_FILES_ASKED_FOR = 1 << 33


class WallError(OSError):
    """A clone, and we are in it, could not build its walls."""


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


class Who(Enum):
    """Which process `Birth.give` has returned in."""

    FORK_SERVER = auto()
    INIT = auto()
    """The program is over, and files are asked for."""
    PROGRAM = auto()


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
        ("message", ctypes.c_char),
        ("status", ctypes.c_int32),
        ("peeked", ctypes.c_char),
    )


class Birth:
    """Gives birth whenever asked.

    flags: the clone's namespaces; walls: what init carries out before the program is born; init_rows, program_rows:
    what they do after that; ended: the letter of init's last message. The output descriptors become 1 and 2.
    """

    def __init__(
        self, flags: int, walls: Sequence[Row], init_rows: Sequence[Row], program_rows: Sequence[Row], ended: bytes
    ) -> None:
        outputs = [Row(DUP2, (0, stream)) for stream in (1, 2)]  # what becomes them differs from birth to birth
        self._tables = (Table([*outputs, *walls]), Table(init_rows), Table(program_rows))
        self._outputs = self._tables[0].rows[: len(outputs)]
        addresses = (table.address for table in self._tables)
        self._birth = _Birth(flags | signal.SIGCHLD, *addresses, kernel.ADDRESS_OF_FORK, message=ended)
        self._address = ctypes.addressof(self._birth)

    def give(self, line: int, stdout: int, stderr: int) -> tuple[Who, int]:
        """Clone: who we are now, and in the fork server the clone's pid, in init the program's wait status.

        Single-threaded callers only; a program is a bare copy until `kernel.put_right`. Raises OSError in the fork
        server when it cannot clone, WallError in a clone that could not be finished.
        """
        self._outputs[0].arguments[0], self._outputs[1].arguments[0] = stdout, stderr
        self._birth.line = line
        kernel.before_fork()
        result: int = native.birth(self._address)
        if result == 0:
            return Who.PROGRAM, 0
        if result >= _FILES_ASKED_FOR:
            return Who.INIT, ctypes.c_int32(result & 0xFFFF_FFFF).value
        if result >= native.FAILED:
            number, row = native.failure(result)
            raise WallError(number, f"{os.strerror(number)} in row {row}")
        kernel.after_fork_in_parent()
        if result < 0:
            raise OSError(-result, f"clone: {os.strerror(-result)}")
        return Who.FORK_SERVER, result
