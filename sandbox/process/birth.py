"""How a run's first two processes come to life: a clone that becomes init, and init's child, the program."""

import ctypes
import signal
from collections.abc import Sequence

from sandbox.process import cgroup, kernel, native, sheet
from sandbox.process.native import Row, Table


class _Server(ctypes.Structure):
    """`struct server` of native.S."""

    _pack_ = 1
    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("first_rows", ctypes.c_void_p),
        ("walls", ctypes.c_void_p),
        ("init_rows", ctypes.c_void_p),
        ("program_rows", ctypes.c_void_p),
        ("fork", ctypes.c_void_p),
        ("sheet", ctypes.c_void_p),
        ("home", ctypes.c_void_p),
        ("groups", ctypes.c_void_p * cgroup.TURNS),
        ("channel", ctypes.c_int32),
        ("failed_letter", ctypes.c_char),
    )


class Server:
    """Gives birth whenever told to, in machine code alone.

    flags: the clone's namespaces; walls: what the clone carries out before the program is born; init_rows: what it does
    to become init; program_rows: what the program begins with, before it waits for its job; doors: for each of
    `cgroup.NAMES` the descriptors through which its group is entered; channel: descriptor of the socket to the host;
    failed: the letter of a clone's message to the host that rows of its own failed, with `native.failure` in eight
    bytes.
    """

    def __init__(
        self,
        flags: int,
        walls: Sequence[Row],
        init_rows: Sequence[Row],
        program_rows: Sequence[Row],
        doors: Sequence[Sequence[int]],
        channel: int,
        failed: bytes,
    ) -> None:
        self.flags = flags | kernel.CLONE_VM | kernel.CLONE_VFORK | signal.SIGCHLD
        """Of the system call."""
        *groups, home = (Table([Row("write", (door, b"0", 1)) for door in each]) for each in doors)
        self._tables = [Table(walls), Table(init_rows), Table(program_rows), home, *groups]
        self._server = _Server(
            flags=self.flags,
            walls=self._tables[0].address,
            init_rows=self._tables[1].address,
            program_rows=self._tables[2].address,
            fork=kernel.ADDRESS_OF_FORK,
            sheet=sheet.ADDRESS,
            home=home.address,
            groups=(ctypes.c_void_p * cgroup.TURNS)(*(group.address for group in groups)),
            channel=channel,
            failed_letter=failed,
        )

    def serve(self, first: Sequence[Row]) -> int:
        """Carry out the first rows and serve. Returns only in a program whose job has come: its socket to the host.

        Single-threaded callers only; a program is a bare copy, as after fork(2). Raises OSError when one of the first
        rows fails.
        """
        table = Table(first)
        self._tables.append(table)
        self._server.first_rows = table.address
        result: int = native.serve(ctypes.addressof(self._server))
        if result >> 32:
            raise native.failure(result)
        return result
