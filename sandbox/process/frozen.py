"""Make forks of this process cheaper: its memory becomes a private mapping of a file, whose pages a fork need not copy.

fork() copies the page tables of anonymous memory, and a process takes its own down when it ends; of a warm interpreter
those two cost more than all it does between. A private mapping of a file that nobody wrote to is left out by both, and
pages come in one by one where they are touched.
"""

import os
from collections.abc import Iterator

from sandbox.process.native import Row, carry_out

_MMAP, _PWRITE = 9, 18
_READ_WRITE = 1 | 2
_PRIVATE_FIXED = 2 | 16


def freeze() -> None:
    """Freeze what is writable and private now, the stack apart. Single-threaded callers only."""
    regions = list(_regions())
    file = os.memfd_create("frozen", os.MFD_CLOEXEC)
    writes, maps, offset = list[Row](), list[Row](), 0
    for start, end in regions:
        size = end - start
        writes.append(Row(_PWRITE, (file, start, size, offset)))
        maps.append(Row(_MMAP, (start, size, _READ_WRITE, _PRIVATE_FIXED, file, offset)))
        offset += size
    os.ftruncate(file, offset)
    # From the first write to the last map nothing may change; so nothing of Python runs between them.
    carry_out([*writes, *maps])
    os.close(file)


def _regions() -> Iterator[tuple[int, int]]:
    """Start and end of the writable private mappings."""
    with open("/proc/self/maps") as maps:  # noqa: PTH123
        for line in maps:
            span, rights = line.split(maxsplit=2)[:2]
            if rights == "rw-p" and not line.endswith("[stack]\n"):
                start, end = (int(each, 16) for each in span.split("-"))
                yield start, end
