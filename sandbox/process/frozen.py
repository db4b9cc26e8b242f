"""Make forks of this process cheaper: its memory becomes a private mapping of a file, whose pages a fork need not copy.

fork() copies the page tables of anonymous memory, and a process takes its own down when it ends; of a warm interpreter
those two cost more than all it does between. A private mapping of a file that nobody wrote to is left out by both, and
pages come in where they are touched: many at a time, and go so, if they are parts of a huge one.

What is left to copy is the list of mappings: of a warm interpreter 139, for each module in C has five. So these go into
the file whole, and what lies side by side is one mapping. Of large libraries goes what is only read, to where a huge
page comes in as one: that of the interpreter otherwise takes each fork fifty faults.
"""

import os
from collections import Counter

from sandbox.process import kernel, sheet
from sandbox.process.native import Row, carry_out

_READ, _WRITE, _EXECUTE = 1, 2, 4
_PRIVATE, _FIXED = 2, 16
_HUGE = 2 << 20
_LARGE = 1 << 20
_POPULATE_READ = 22
"""Of madvise(2), since Linux 5.14."""

Span = tuple[int, int]


def open_file(folder: str) -> int:
    """A nameless file for `frozen`, on a file system mounted at `folder`, of huge pages where the kernel has them.

    Needs the right to mount.
    """
    flags = kernel.MS_NOSUID | kernel.MS_NODEV
    try:
        kernel.mount("tmpfs", folder, "tmpfs", flags, "huge=within_size,mode=700")
    except OSError:
        kernel.mount("tmpfs", folder, "tmpfs", flags, "mode=700")
    return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)


def frozen(file: int) -> list[Row]:
    """Freeze what is mapped privately now into this file, but the stack.

    Single-threaded callers only. From the first row to the last nothing may change, so nothing of Python can run
    between them.
    """
    spans = _Spans(can_execute=_can_execute(file))
    writes, maps, offset = list[Row](), list[Row](), 0
    for rights, each in ((_READ | _EXECUTE, spans.read), (_READ | _WRITE | spans.execute, spans.written)):
        for start, end in each:
            if not rights & _WRITE:  # a huge page must be so in the file too
                offset += (start - offset) % _HUGE
            writes.append(Row("pwrite64", (file, start, end - start, offset)))
            maps.append(Row("mmap", (start, end - start, rights, _PRIVATE | _FIXED, file, offset)))
            offset += end - start
    os.ftruncate(file, -(-offset // _HUGE) * _HUGE)
    # We go on having them in our memory too: what a fork shares with us is not all its own.
    had = [Row("madvise", (*row.arguments[:2], _POPULATE_READ), may_fail=True) for row in maps]
    return [*writes, *maps, *had]


def _can_execute(file: int) -> bool:
    """Whether this machine has no policy against memory that can be both written and executed."""
    rights = _READ | _WRITE | _EXECUTE
    try:
        carry_out(
            [Row("mmap", (sheet.ADDRESS, 1, rights, _PRIVATE | _FIXED, file, 0)), Row("munmap", (sheet.ADDRESS, 1))]
        )
    except OSError:
        return False
    return True


class _Spans:
    """Start and end of what is to be one mapping each."""

    def __init__(self, can_execute: bool) -> None:
        self.execute = can_execute * _EXECUTE
        self.read: list[Span] = []
        """Of large files what is only read, if it may be executed from here."""
        self.written: list[Span] = []
        """The rest: of small files, which are executed where they lie, only what is writable if nothing may be."""
        mappings, sizes = _mappings(), Counter[str]()
        for start, end, _, name in mappings:
            sizes[name] += end - start
        for start, end, is_writable, name in mappings:
            if is_writable or (can_execute and sizes[name] < _LARGE):
                _add(self.written, start, end)
            elif can_execute:
                _add(self.read, start, end)


def _add(spans: list[Span], start: int, end: int) -> None:
    """To the last one, if they lie side by side."""
    before = spans.pop() if spans and spans[-1][1] == start else (start, start)
    spans.append((before[0], end))


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
