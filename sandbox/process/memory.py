"""How much memory a run uses, for machines where no control group counts it: the sum over its processes.

What the kernel holds for them counts too, as far as it shows: page tables, and what sockets may have queued.
"""

import re
from pathlib import Path

_SOCKET_BYTES = 208 << 10
"""What one may have queued, by the kernel's default."""
_ORDINARY_SOCKETS = 256


def exceeds(init: int, limit: int) -> bool:
    """Whether init's whole family holds more than `limit` bytes, pages that they share counted once."""
    family = _family(init)
    held = sorted(((*_resident_and_tables(pid), pid) for pid in family), reverse=True)
    kernel = sum(tables for _, tables, _ in held) + _SOCKET_BYTES * max(0, _sockets(init) - _ORDINARY_SOCKETS)
    room = limit - kernel
    # Only the second sum is right, but each part of it is slow: so it ends as soon as it is enough.
    if sum(resident for resident, _, _ in held) <= room:
        return False
    for resident, _, pid in held:
        room -= _proportional(pid, resident)
        if room < 0:
            return True
    return False


def _family(pid: int) -> list[int]:
    """A process and all below it. Orphans are adopted by init, so nobody is missed."""
    family = [pid]
    try:
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in children.read_bytes().split():
                family += _family(int(child))
    except OSError:  # it ended meanwhile
        pass
    return family


def _resident_and_tables(pid: int) -> tuple[int, int]:
    """Bytes in its resident pages, and in its page tables."""
    try:
        told = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return 0, 0
    return _field("VmRSS", told), _field("VmPTE", told)


def _sockets(init: int) -> int:
    """AF_UNIX sockets of the run, which has a network namespace of its own."""
    try:
        return Path(f"/proc/{init}/net/unix").read_bytes().count(b"\n") - 1
    except OSError:
        return 0


def _proportional(pid: int, resident: int) -> int:
    """Resident bytes, each page divided by the processes that share it; `resident` where that cannot be read."""
    try:
        return _field("Pss", Path(f"/proc/{pid}/smaps_rollup").read_bytes())
    except PermissionError:  # init, which holds little, or one that made itself unreadable
        return resident
    except OSError:  # it ended meanwhile
        return 0


def _field(name: str, text: bytes) -> int:
    """Bytes in a line like `VmRSS:  123 kB`. What a program called itself is among the lines, and need be no text."""
    found = re.search(rb"^%b:\s+(\d+) kB" % name.encode(), text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
