"""Machine code for what must not run in Python in a fork server or a clone of it: native.S, and the rows that it takes.

x86_64 only, as all of this package.
"""

import ctypes
import os
from collections.abc import Sequence
from typing import NamedTuple

from sandbox.process import kernel

# What `as` makes of native.S; a test compares.
CODE = bytes.fromhex(
    "4154415541564989fc4989fd49c7c6ffffffff498b45004883f8ff744a498b7d084883ffff490f44fe498b7510498b55184d8b55204d8b45"
    "284d8b4d300f054885c0780f49837d00024c0f44f04983c538ebc048f7d84d29e549c1e5104c09e8480fbae820eb0231c0415e415d415cc3"
    "535541544889fb488b3b31f631d24531d24531c0b8380000000f054885c00f85b8000000488b7b08e863ffffff4885c00f85a6000000ff53"
    "2085c00f88860000000f848c0000004189c4488b7b10e83dffffff4885c00f858000000048c7c7ffffffff488d733031d24531d2b83d0000"
    "000f0583f8f6743c4439e075df8b7b28488d7334ba0100000041ba420000004531c04531c9b82d0000000f054885c07f1c8b7b28488d732f"
    "ba05000000b8010000000f0531ffb8e70000000f058b4330480fbae821eb15b80b000000480fbae820eb09488b7b18e8b4feffff415c5d5b"
    "c3"
)
BIRTH = 0x70
"""Where `birth` begins in it; `carry_out` comes first."""
OPENED = -1
"""As a row's first argument: the descriptor that the last open(2) gave."""
FAILED = 1 << 32
"""Set in the result when a row failed."""
_END = -1


class Row(NamedTuple):
    """One system call: its number, then its arguments, as numbers or as bytes to point to."""

    number: int
    arguments: tuple[int | bytes, ...]


class CRow(ctypes.Structure):
    """A row as the code reads it."""

    _fields_ = (("number", ctypes.c_int64), ("arguments", ctypes.c_int64 * 6))


class Table:
    """Rows in memory that the code can read, for as long as this lives."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._strings: list[object] = []
        self.rows = (CRow * (len(rows) + 1))()
        for slot, row in zip(self.rows, rows, strict=False):
            slot.number = row.number
            for index, argument in enumerate(row.arguments):
                slot.arguments[index] = argument if isinstance(argument, int) else self._keep(argument)
        self.rows[len(rows)].number = _END
        self.address = ctypes.addressof(self.rows)

    def _keep(self, content: bytes) -> int:
        string = ctypes.create_string_buffer(content)
        self._strings.append(string)
        return ctypes.addressof(string)


def failure(result: int) -> tuple[int, int]:
    """errno, and which row it was, of a result with FAILED set."""
    return result & 0xFFFF, (result >> 16 & 0xFFFF) // ctypes.sizeof(CRow)


_code = kernel.executable(CODE)
_function = ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)
birth = _function(_code + BIRTH)
"""Takes the address of a `struct birth`."""
_carry_out = _function(_code)


def carry_out(rows: Sequence[Row]) -> None:
    """Make these system calls one after the other, with not a step of Python between them. Raises OSError."""
    table = Table(rows)
    if result := _carry_out(table.address):
        number, row = failure(result)
        raise OSError(number, f"{os.strerror(number)} in row {row}: {rows[row]}")
