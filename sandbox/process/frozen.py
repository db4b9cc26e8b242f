"""Make forks of this process cheaper: its memory becomes a private mapping of a file, whose pages a fork need not copy.

fork() copies the page tables of anonymous memory, and a process takes its own down when it ends; of a warm interpreter
those two cost more than all it does between. A private mapping of a file that nobody wrote to is left out by both, and
pages come in where they are touched: many at a time, and go so, if they are parts of a huge one.

What is left to copy is the list of mappings: of a warm interpreter 139, for each module in C has five. So these go into
the file whole, and what lies side by side is one mapping. Large libraries stay as they are: all processes share them.
"""

import os
from collections import Counter
from collections.abc import Iterable

from sandbox.process import kernel
from sandbox.process.native import Row, carry_out

_MMAP, _PWRITE = 9, 18
_READ_WRITE, _EXECUTE = 1 | 2, 4
_PRIVATE_FIXED = 2 | 16
_HUGE = 2 << 20
_LARGE = 1 << 20


def open_file(folder: str) -> int:
    """A nameless file for `freeze`, on a file system mounted at `folder`, of huge pages where the kernel has them.

    Needs the right to mount.
    """
    flags = kernel.MS_NOSUID | kernel.MS_NODEV
    try:
        kernel.mount("tmpfs", folder, "tmpfs", flags, "huge=within_size,mode=700")
    except OSError:
        kernel.mount("tmpfs", folder, "tmpfs", flags, "mode=700")
    return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)


def freeze(file: int) -> None:
    """Freeze what is mapped privately now into this file, but the stack and large libraries.

    Single-threaded callers only.
    """
    try:
        _freeze(file, _stretches(small=True), _READ_WRITE | _EXECUTE)
    except OSError:  # this machine has a policy against memory that can be both written and executed
        _freeze(file, _stretches(small=False), _READ_WRITE)


def _freeze(file: int, stretches: Iterable[tuple[int, int]], rights: int) -> None:
    writes, maps, offset = list[Row](), list[Row](), 0
    for start, end in stretches:
        size = end - start
        writes.append(Row(_PWRITE, (file, start, size, offset)))
        maps.append(Row(_MMAP, (start, size, rights, _PRIVATE_FIXED, file, offset)))
        offset += size
    os.ftruncate(file, -(-offset // _HUGE) * _HUGE)
    # From the first write to the last map nothing may change; so nothing of Python runs between them.
    carry_out([*writes, *maps])


def _stretches(small: bool) -> list[tuple[int, int]]:
    """Start and end of what is to be one mapping each: all that is writable, and with `small` all of small files."""
    mappings, sizes = _mappings(), Counter[str]()
    for start, end, _, name in mappings:
        sizes[name] += end - start
    stretches: list[tuple[int, int]] = []
    for start, end, is_writable, name in mappings:
        if is_writable or (small and sizes[name] < _LARGE):
            before = stretches.pop() if stretches and stretches[-1][1] == start else (start, start)
            stretches.append((before[0], end))
    return stretches


def _mappings() -> list[tuple[int, int, bool, str]]:
    """Start, end, whether it is writable, and file: of the private ones, but the stack and what is the kernel's own."""
    found = []
    with open("/proc/self/maps") as maps:  # noqa: PTH123
        for line in maps:
            span, rights, *_, name = line.strip("\n").split(" ", 5)
            name = name.strip()
            if rights[0] == "r" and rights[3] == "p" and (name == "[heap]" or not name.startswith("[")):
                start, end = (int(each, 16) for each in span.split("-"))
                found.append((start, end, "w" in rights, name))
    return found
