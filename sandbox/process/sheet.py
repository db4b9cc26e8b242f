"""A job on its way to the clone that is to carry it out: system calls laid out as machine code reads them.

Who sends it has written down all that can be done without Python: files to lay out, limits, rights to give up. The
clone maps it into its memory, so nothing is copied, and has it carried out. Before that comes what is left to Python.
"""

import ctypes
import marshal
import struct
from collections.abc import Sequence
from typing import Any

from sandbox.lane import Job
from sandbox.process import native, wire
from sandbox.process.native import Row

ADDRESS = 1 << 44
"""Where a clone maps it: the kernel puts nothing there by itself."""
_HEAD = struct.Struct("=q")
"""The offset of the rows."""
_MOST = 1 << 32
_task = (ctypes.c_char * _MOST).from_address(ADDRESS + _HEAD.size)
_forget = Row("munmap", (ADDRESS, _MOST))
_leave = native.Table([_forget, Row("close_range", (3, 1 << 16, 0))])


Task = tuple[bytes | None, tuple[str, ...], tuple[str, ...], tuple[Any, ...] | None]
"""The script, if it is one; its arguments; the names of its files; the job without contents where there is more to do,
for no script or for files that come back. A mere tuple: each step more touches pages that a clone has to copy."""


def write(job: Job, rows: Sequence[Row]) -> int:
    """A descriptor of it."""
    other = (*job._replace(script=None, files={}),) if job.script is None or job.fetch else None
    task = marshal.dumps((job.script, job.argv[1:], (*job.files,), other))
    start = _HEAD.size + len(task)
    return wire.memfd(_HEAD.pack(start), task, *native.laid_out(rows, ADDRESS + start))


def task() -> Task:
    """What is mapped, in a clone."""
    task: Task = marshal.loads(_task)
    return task


def forget() -> None:
    """Let go of it, in a clone."""
    native.carry_out([_forget])


def leave() -> None:
    """Let go of it, and of all files but the standard streams. Prepared, for all scripts do it."""
    native.carry_out_table(_leave)
