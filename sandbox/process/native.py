"""Machine code for what must not run in Python in a fork server or a clone of it: native.S, and the rows that it takes.

x86_64 only, as all of this package.
"""

import ctypes
import os
import struct
from collections.abc import Sequence
from typing import NamedTuple

from sandbox.process import kernel

# What `as` makes of native.S; a test compares.
CODE = bytes.fromhex(
    "4154415541564989fc4989fd49c7c6ffffffff498b45004883f8ff744a498b7d084883ffff490f44fe498b7510498b55184d8b55204d8b45"
    "284d8b4d300f054885c0780f49837d00024c0f44f04983c538ebc048f7d84d29e549c1e5104c09e8480fbae820eb0231c0415e415d415cc3"
    "535541544889fb488b3b31f631d24531d24531c0b8380000000f054885c07558488b7b08e867ffffff4885c0751eff532085c0743a780b48"
    "8b7b10e850ffffffeb0ab80b000000480fbae820488943308b7b28488d732fba09000000b8010000000f05bf01000000b8e70000000f0548"
    "8b7b18e818ffffff415c5d5bc3bf01000000be09000000b89d0000000f054883ec1048c7c7ffffffff488d74240431d24531d2b83d000000"
    "0f0583f8f6743283f80275dec64424034531ff488d742403ba05000000b8010000000f0548c7c7ffffffffbe09000000b83e0000000f05eb"
    "b131ffb8e70000000f05"
)
BIRTH, INIT = 0x70, 0xED
"""Where `birth` and `init` begin in it; `carry_out` comes first."""
OPENED = -1
"""As a row's first argument: the descriptor that the last open(2) gave."""
_END = -1
_ELF, _SEGMENT = struct.Struct("<16sHHIQQQIHHHHHH"), struct.Struct("<IIQQQQQQ")
_ADDRESS = 0x40_0000
_READ_EXECUTE = 4 | 1


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


def failure(result: int) -> OSError:
    """What a result says that is not 0."""
    number, row = result & 0xFFFF, (result >> 16 & 0xFFFF) // ctypes.sizeof(CRow)
    return OSError(number, f"{os.strerror(number)} in row {row}")


def init_program() -> bytes:
    """`init` as an executable file: an ELF header, one segment, the code."""
    size = _ELF.size + _SEGMENT.size + len(CODE)
    start = _ADDRESS + size - len(CODE) + INIT
    elf = _ELF.pack(b"\x7fELF\x02\x01\x01", 2, 62, 1, start, _ELF.size, 0, 0, _ELF.size, _SEGMENT.size, 1, 0, 0, 0)
    return elf + _SEGMENT.pack(1, _READ_EXECUTE, 0, _ADDRESS, _ADDRESS, size, size, 0x1000) + CODE


_code = kernel.executable(CODE)
_function = ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)
birth = _function(_code + BIRTH)
"""Takes the address of a `struct birth`."""
_carry_out = _function(_code)


def carry_out(rows: Sequence[Row]) -> None:
    """Make these system calls one after the other, with not a step of Python between them. Raises OSError."""
    table = Table(rows)
    if result := _carry_out(table.address):
        raise failure(result)
