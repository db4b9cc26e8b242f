"""A run's processes as /proc shows them: what they have used, and how much memory they hold where no group counts it.

What the kernel holds for them counts too, as far as it shows: page tables, mappings, and what sockets may have queued.
"""

import contextlib
import os
import re
import resource
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from sandbox.process import kernel
from sandbox.process.lookout import Lookout

_SOCKET_BYTES = 208 << 10
"""What one may have queued, by the kernel's default."""
_ORDINARY_SOCKETS = 256
_MAPPINGS_LOOKED_AT = 256 << 10
"""Bytes of text, a few thousand mappings. Whoever has more is taken to have as many as there can be."""
_MAPPINGS_BYTES = 65_530 * 200
_SHARED = b" /dev/zero (deleted)\n"
"""Memory of a mapping that processes share, and no file's."""
_CHUNK = 1 << 16
_PATIENCE_S, _LAST_PATIENCE_S = 0.015, 0.03
"""How long a look is waited for, and the one that tells what a killed run has used."""
_STUCK_S, _LONG_STUCK_S = 0.1, 1.0
"""How long a look may take before we go by what can be seen without waiting."""
_LOCKS_LOOKED_AT = 512 << 10
"""Bytes of text, some ten thousand locks of the whole host."""
_MOST_LOCKS = 1000
_LOCK_OWNER = re.compile(rb"^\d+: \S+ +\S+ +\S+ (\d+) ", re.MULTILINE)
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class Usage(NamedTuple):
    """Of all processes together the time on the processor, in seconds; of the largest one its resident bytes."""

    cpu_s: float = 0.0
    max_rss: int = 0

    @classmethod
    def of(cls, told: resource.struct_rusage) -> "Usage":
        return cls(told.ru_utime + told.ru_stime, told.ru_maxrss * 1024)

    def or_more(self, other: "Usage") -> "Usage":
        return Usage(max(self.cpu_s, other.cpu_s), max(self.max_rss, other.max_rss))


class Family:
    """A process and all below it. Orphans are adopted by the first one, so nobody is missed."""

    def __init__(self, first: int) -> None:
        self._first = first
        self._ours = 0
        self._others_share = 0
        self._holds_too_much = False

    def begin(self, ours: int) -> None:
        """A job is about to come. ours: how many of the first processes, one below the other, are not the program's."""
        self._ours = ours

    def begin_to_count(self) -> None:
        """What the host shares more from now on is taken to be shared by this family."""
        self._others_share = _host_shares()

    def seen_usage(self, lookout: Lookout) -> Usage:
        """`usage` as far as it can be told at once."""
        return lookout.ask(self.usage, Usage(), _LAST_PATIENCE_S)

    def is_seen_to_hold_too_much(self, limit: int | None, lookout: Lookout) -> bool:
        """`holds_too_much`, as far as can be told at once."""
        lookout.ask(lambda: self._look(limit), None, _PATIENCE_S)
        if limit is None or self._holds_too_much or lookout.waits_for_s() < _STUCK_S:
            return self._holds_too_much
        told = [_read(pid, "status") for pid in self._members()]
        room, resident = self._room(limit, told), [_field("VmRSS", text) for text in told]
        if lookout.waits_for_s() < _LONG_STUCK_S:
            return max([0, *resident]) > room
        # They may share much of that, and others what the host shares: who hides for so long is not given the benefit.
        return max(sum(resident), self._share_at_most()) > room

    def _look(self, limit: int | None) -> None:
        self._holds_too_much = self._holds_too_much or self.holds_too_much(limit)

    def holds_too_much(self, limit: int | None) -> bool:
        """Whether it has too many locks, or more than `limit` bytes; None: somebody else counts these."""
        return self.has_too_many_locks() or (limit is not None and self.holds_more_than(limit))

    def usage(self) -> Usage:
        """So far, without children that nobody waited for."""
        usage = Usage()
        for place, pid in enumerate(_all_below(self._first)):
            own, of_children = _ticks(pid)
            if place < self._ours:
                usage = usage._replace(cpu_s=usage.cpu_s + of_children * _TICK_S)
                continue
            peak = _field("VmHWM", _read(pid, "status"))
            usage = Usage(usage.cpu_s + (own + of_children) * _TICK_S, max(usage.max_rss, peak))
        return usage

    def has_too_many_locks(self) -> bool:
        """On files: nothing else limits them, and a million of them hold up whoever uses the file."""
        locks = _text("/proc/locks", _LOCKS_LOOKED_AT)
        if len(locks) < _LOCKS_LOOKED_AT:
            return False
        members = set(self._members())
        return sum(int(pid) in members for pid in _LOCK_OWNER.findall(locks)) > _MOST_LOCKS

    def holds_more_than(self, limit: int) -> bool:
        """Whether all of it holds more than `limit` bytes, pages that they share counted once."""
        members = [_with_memory(pid) for pid in self._members()]
        told = {pid: _read(pid, "status") for pid in members}
        room = self._room(limit, told.values())
        # What follows is ever more exact, and slower: so it ends as soon as it is enough.
        shared = self._share_at_most()
        if sum(_field("VmSize", text) for text in told.values()) <= room and shared <= room:
            return False
        held = sorted(((_field("VmRSS", text), pid) for pid, text in told.items()), reverse=True)
        if sum(resident for resident, _ in held) > room:
            left = room
            for resident, pid in _memories(held):
                left -= _proportional(pid, resident)
                if left < 0:
                    return True
        return _hide_more_than(room, members, shared > room)

    def _room(self, limit: int, told: Iterable[bytes]) -> int:
        """What page tables and full sockets would leave of it. told: the status of each process."""
        sockets = _SOCKET_BYTES * max(0, _sockets(self._first) - _ORDINARY_SOCKETS)
        return limit - sockets - sum(_field("VmPTE", text) for text in told)

    def _members(self) -> list[int]:
        """The program's."""
        return _all_below(self._first)[self._ours :]

    def _share_at_most(self) -> int:
        """Bytes that it may have in shared memory: by how much the host has more than when it had least."""
        now = _host_shares()
        self._others_share = min(self._others_share, now)
        return now - self._others_share


def _memories(held: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Of these (resident bytes, process) one for each memory: a child of vfork(2) begins in its parent's."""
    found: list[tuple[int, int]] = []
    for resident, pid in held:
        if not any(kernel.same_memory(pid, other) for _, other in found):
            found.append((resident, pid))
    return found


def _hide_more_than(room: int, pids: list[int], may_share: bool) -> bool:
    """Whether these hold more that is resident in none: the mappings, and shared memory that they let go of.

    may_share: whether such memory may be more than `room`; whether there is any can be seen.
    """
    for pid in pids:
        maps = _read(pid, "maps", _MAPPINGS_LOOKED_AT)
        if len(maps) == _MAPPINGS_LOOKED_AT:
            room -= _MAPPINGS_BYTES
        is_whole = 0 < len(maps) < _MAPPINGS_LOOKED_AT or not _field("VmSize", _read(pid, "status"))
        hides = _SHARED in maps or not is_whole
        if room < 0 or (may_share and hides):
            return True
    return False


def _all_below(first: int) -> list[int]:
    """It, and all below it."""
    members = [first]
    for pid in members:  # which grows
        try:
            threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - a fifth of the time
        except OSError:  # it ended meanwhile
            continue
        for thread in threads:
            members += map(int, _read(pid, f"task/{thread}/children").split())
    return members


def _ticks(pid: int) -> tuple[int, int]:
    """Time on the processor: its own, and that of children that were waited for."""
    times = [*map(int, _read(pid, "stat").rpartition(b")")[2].split()[11:15])] or [0, 0, 0, 0]
    return times[0] + times[1], times[2] + times[3]


def _with_memory(pid: int) -> int:
    """A thread of this process that has its memory still; the process itself if there is none."""
    if not _field("VmSize", _read(pid, "status")):
        with contextlib.suppress(OSError):
            for thread in map(int, os.listdir(f"/proc/{pid}/task")):  # noqa: PTH208
                if _field("VmSize", _read(thread, "status")):
                    return thread
    return pid


def _read(pid: int, name: str, most: int = sys.maxsize) -> bytes:
    return _text(f"/proc/{pid}/{name}", most)


def _text(path: str, most: int) -> bytes:
    """What there is of it; nothing when the process has ended, or does not let itself be looked at."""
    chunks: list[bytes] = []
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    with contextlib.suppress(OSError):
        while most > 0 and (chunk := os.read(file, min(most, _CHUNK))):
            chunks.append(chunk)
            most -= len(chunk)
    os.close(file)
    return b"".join(chunks)


def _sockets(pid: int) -> int:
    """AF_UNIX sockets of the run, which is alone in its network namespace."""
    return _read(pid, "net/unix").count(b"\n") - 1


def _host_shares() -> int:
    """Bytes of memory that processes of the whole host share, or have in file systems of memory."""
    return _field("Shmem", Path("/proc/meminfo").read_bytes())


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
