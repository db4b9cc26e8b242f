"""Machine code for what must not run in Python in a fork server or a clone of it: native.S, and the rows that it takes.

x86_64 only, but for `carry_out_by_library`: a container may be of another machine.
"""

import ctypes
import errno
import functools
import os
import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sandbox.process import kernel

# What `as` makes of native.S; a test compares.
CODE = bytes.fromhex(
    "4154415541564989fc4989fd49c7c6ffffffff418b450083f8ff746b498b7d084883ffff490f44fe498b7510498b55184d8b55204d8b4528"
    "4d8b4d300f054885c0782341837d00024c0f44f041837d0001740741837d001275134839d0740e48c7c0e4ffffff41837d040074064983c5"
    "38eba048f7d84d29e549c1e5104c09e8480fbae83eeb0231c0415e415d415cc331c048890648894608488d4e3848894e1048c74618010000"
    "00488d4e5048894e2048c746282000000048894630488d4e4848894e3848c7464001000000488946504989d0ba00000040b82f0000000f05"
    "4885c0781048c7c0b9ffffff4c394650750331c0c348f7d8480fbae83ec3535541544155415641574881ec080100004889fb488b7b08e8e5"
    "feffff4885c00f858f0100008b7b504889e6ba1c000000e85cffffff4885c00f852e020000448b6c2460448b742464448b7c24680fb64424"
    "48488b7cc340e8a5feffff440fb7e049f7dc4885c07530488b3b31f631d24531d24531c0b8380000000f054989c44885c074567812488b7b"
    "38e872feffff4885c00f85d40100004489efb8030000000f054489f7b8030000000f054489ffb8030000000f054c89a424f00000008b7b50"
    "488db424f0000000ba04000000b8010000000f05e94bffffff4489f7be01000000b8210000000f054489ffbe02000000b8210000000f0548"
    "8b7b10e800feffff4885c00f85c8000000ff532885c074200f88b60000004489ef31f6b8210000000f05488b7b18e8d5fdffffe9a1000000"
    "488b7b20e8c7fdffff4885c00f858f0000004489ef4889e6ba18000000e83efeffff4885c0757a8b7c246431f6b8210000000f058b7c2460"
    "488d742470b8050000000f05488b7b30488bb424a0000000ba0100000041ba02001000448b4424604531c9b8090000000f05488b7b304839"
    "f8752248033fe855fdffff4885c075214489e84881c408010000415f415e415d415c5d5bc3b80c000000eb05b80b0000000fb64b54888c24"
    "f000000048898424f10000004489ef488db424f0000000ba09000000b8010000000f05bf01000000b8e70000000f05bf01000000be090000"
    "00b89d0000000f054883ec1048c7c7ffffffff488d74240431d24531d2b83d0000000f0583f8f6743283f80275dec64424034531ff488d74"
    "2403ba05000000b8010000000f0548c7c7ffffffffbe09000000b83e0000000f05ebb131ffb8e70000000f05"
)
SERVE, INIT = 0xFE, 0x307
"""Where `serve` and `init` begin in it; `carry_out` comes first."""
OPENED = -1
"""As a row's first argument: the descriptor that the last open(2) gave."""
_CALLS = {
    "write": 1, "open": 2, "close": 3, "mmap": 9, "munmap": 11, "pwrite64": 18, "madvise": 28, "execve": 59,
    "chdir": 80, "mkdir": 83, "symlink": 88, "setsid": 112, "capset": 126, "setpriority": 141, "prctl": 157,
    "setrlimit": 160, "mount": 165, "sethostname": 170, "close_range": 436,
}  # fmt: skip
"""Numbers of x86_64. All are functions of the C library too."""
_END = -1
_ROW = struct.Struct("=ii6q")
_FAILED, _OFFSET_BITS = 1 << 62, 16
_ELF, _SEGMENT = struct.Struct("<16sHHIQQQIHHHHHH"), struct.Struct("<IIQQQQQQ")
_ADDRESS = 0x40_0000
_READ_EXECUTE = 4 | 1


class Row(NamedTuple):
    """One system call: its name, then its arguments, as numbers or as bytes to point to."""

    call: str
    arguments: tuple[int | bytes, ...]
    may_fail: bool = False


def laid_out(rows: Sequence[Row], address: int) -> list[bytes]:
    """The rows as the code reads them at this address, and behind them what they point to, each with a 0 at its end.

    In parts, for there may be much of it.
    """
    table, strings = list[bytes](), list[bytes]()
    end = address + _ROW.size * (len(rows) + 1)
    for row in rows:
        words = [0] * 6
        for index, argument in enumerate(row.arguments):
            if isinstance(argument, int):
                words[index] = argument
            else:
                words[index] = end
                strings += (argument, b"\0")
                end += len(argument) + 1
        table.append(_ROW.pack(_CALLS[row.call], row.may_fail, *words))
    return [*table, _ROW.pack(_END, 0, *[0] * 6), *strings]


class Table:
    """Rows in memory that the code can read, for as long as this lives."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._memory = ctypes.create_string_buffer(sum(map(len, laid_out(rows, 0))))
        self.address = ctypes.addressof(self._memory)
        self._memory.raw = b"".join(laid_out(rows, self.address))


def failure(result: int) -> OSError:
    """What a result says that is not 0."""
    number, row = result & 0xFFFF, (result & ~_FAILED) >> _OFFSET_BITS
    return OSError(number, f"{os.strerror(number)} in row {row // _ROW.size}")


def init_program() -> bytes:
    """`init` as an executable file: an ELF header, one segment, the code."""
    size = _ELF.size + _SEGMENT.size + len(CODE)
    start = _ADDRESS + size - len(CODE) + INIT
    elf = _ELF.pack(b"\x7fELF\x02\x01\x01", 2, 62, 1, start, _ELF.size, 0, 0, _ELF.size, _SEGMENT.size, 1, 0, 0, 0)
    return elf + _SEGMENT.pack(1, _READ_EXECUTE, 0, _ADDRESS, _ADDRESS, size, size, 0x1000) + CODE


@functools.cache
def _functions() -> tuple[Callable[[int], int], Callable[[int], int]]:
    """`serve` and `carry_out`. Made when they are needed: there may be a policy against them where nobody does."""
    function = ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)
    address = kernel.executable(CODE)
    return function(address + SERVE), function(address)


def serve(address: int) -> int:
    """Takes the address of a `struct server`."""
    return _functions()[0](address)


def carry_out(rows: Sequence[Row]) -> None:
    """Make these system calls one after the other, with not a step of Python between them. Raises OSError."""
    carry_out_table(Table(rows))


def carry_out_table(table: Table) -> None:
    """`carry_out`, prepared."""
    if result := _functions()[1](table.address):
        raise failure(result)


def carry_out_by_library(rows: Sequence[Row]) -> None:
    """`carry_out` on any machine, step by step, and without a copy of what the rows point to."""
    opened = OPENED
    for place, (call, arguments, may_fail) in enumerate(rows):
        first, *others = arguments or (0,)
        try:
            result = kernel.call(call, opened if first == OPENED else first, *others)
            if call in ("write", "pwrite64") and result != others[1]:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            if not may_fail:
                raise OSError(error.errno, f"{error.strerror} in row {place}") from error
        else:
            opened = result if call == "open" else opened
