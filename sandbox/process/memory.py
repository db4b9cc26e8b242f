"""How much memory a run uses, for machines where no control group counts it: the sum over its processes."""

import re
from pathlib import Path

_PAGE = 4096


def exceeds(init: int, limit: int) -> bool:
    """Whether init's whole family holds more than `limit` bytes, pages that they share counted once."""
    family = _family(init)
    # Only the second sum is right, but it is slow; the first is never below it.
    return sum(map(_resident, family)) > limit and sum(map(_proportional, family)) > limit


def _family(pid: int) -> list[int]:
    """A process and all below it. Orphans are adopted by init, so nobody is missed."""
    family = [pid]
    try:
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in children.read_text().split():
                family += _family(int(child))
    except OSError:  # it ended meanwhile
        pass
    return family


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    """Resident bytes, each page divided by the processes that share it."""
    try:
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    except OSError:  # init does not let itself be read, and holds little
        return 0
    return int(found[1]) * 1024 if found else 0
