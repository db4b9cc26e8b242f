"""Make forks of this process cheaper: its memory becomes a private mapping of a file, whose pages a fork need not copy.

fork() copies the page tables of anonymous memory, and a process takes its own down when it ends; of a warm interpreter
those two cost more than all it does between. A private mapping of a file that nobody wrote to is left out by both, and
pages come in where they are touched: many at a time, and go so, if they are parts of a huge one.
"""

import os
from collections.abc import Iterator

from sandbox.process import kernel
from sandbox.process.native import Row, carry_out

_MMAP, _PWRITE = 9, 18
_READ_WRITE = 1 | 2
_PRIVATE_FIXED = 2 | 16
_HUGE = 2 << 20


def open_file(folder: str) -> int:
    """A nameless file for `freeze`, on a file system mounted at `folder`, of huge pages where the kernel has them.

    Needs the right to mount.
    """
    flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    try:
        kernel.mount("tmpfs", folder, "tmpfs", flags, "huge=within_size,mode=700")
    except OSError:
        kernel.mount("tmpfs", folder, "tmpfs", flags, "mode=700")
    return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)


def freeze(file: int) -> None:
    """Freeze what is writable and private now, the stack apart, into this file. Single-threaded callers only."""
    regions = list(_regions())
    writes, maps, offset = list[Row](), list[Row](), 0
    for start, end in regions:
        size = end - start
        writes.append(Row(_PWRITE, (file, start, size, offset)))
        maps.append(Row(_MMAP, (start, size, _READ_WRITE, _PRIVATE_FIXED, file, offset)))
        offset += size
    os.ftruncate(file, -(-offset // _HUGE) * _HUGE)
    # From the first write to the last map nothing may change; so nothing of Python runs between them.
    carry_out([*writes, *maps])


def _regions() -> Iterator[tuple[int, int]]:
    """Start and end of the writable private mappings."""
    with open("/proc/self/maps") as maps:  # noqa: PTH123
        for line in maps:
            span, rights = line.split(maxsplit=2)[:2]
            if rights == "rw-p" and not line.endswith("[stack]\n"):
                start, end = (int(each, 16) for each in span.split("-"))
                yield start, end
