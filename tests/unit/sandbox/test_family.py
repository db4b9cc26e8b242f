"""What /proc shows of a family of processes: children of this test do what programs do."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from sandbox.process.family import Family

MEGABYTE = 1 << 20
FOREVER = float("inf")
Start = Callable[[str], Family]
BARE = 40 * MEGABYTE
"""More than an interpreter holds that does nothing."""
SHARED_AND_LET_GO_OF = """
kept = mmap.mmap(-1, 200 << 20)
for k in range(0, len(kept), 4096): kept[k] = 1
kept.madvise(mmap.MADV_DONTNEED)
"""


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a program, count from before it did anything, and wait until it has done it."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(code: str) -> Family:
        program = f"import ctypes, mmap, os, time\ninput()\n{code}\nprint('done', flush=True)\ntime.sleep(60)"
        child = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        started.append(child)
        family = Family(child.pid)
        family.begin(0)
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"go\n")
        child.stdin.flush()
        assert child.stdout.readline() == b"done\n"
        return family

    yield begin
    for child in started:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()


@pytest.mark.parametrize(
    ("code", "megabytes"),
    [
        ("", 0),
        ("x = bytearray(100 << 20)", 100),
        ("x = bytearray(100 << 20)\nfor _ in range(3): os.fork() or time.sleep(60)", 100),  # shared, so counted once
        ("for _ in range(3):\n    if os.fork() == 0: x = bytearray(100 << 20); time.sleep(60)\ntime.sleep(1)", 300),
        (SHARED_AND_LET_GO_OF, 200),
    ],
)
def test_what_a_family_holds(start: Start, code: str, megabytes: int) -> None:
    family = start(code)
    assert not family.holds_more_than(megabytes * MEGABYTE + BARE, FOREVER)
    if megabytes:
        assert family.holds_more_than((megabytes - 10) * MEGABYTE, FOREVER)


def test_mappings_count(start: Start) -> None:
    code = "l = ctypes.CDLL(None)\nfor i in range(60_000): l.mmap(None, 4096, i & 1, 0x22, -1, 0)"
    family = start(code + "\nfor _ in range(9): os.fork() or time.sleep(60)")
    assert family.holds_more_than(110 * MEGABYTE, FOREVER)
    assert not family.holds_more_than(300 * MEGABYTE, FOREVER)


def test_a_look_ends_when_it_is_of_no_use(start: Start) -> None:
    family = start("x = bytearray(100 << 20)\nfor _ in range(9): os.fork() or time.sleep(60)")
    assert not family.holds_more_than(90 * MEGABYTE, time.monotonic() - 1)


def test_usage_is_of_those_alive_and_of_those_waited_for(start: Start) -> None:
    burn = "while time.process_time() < 0.3: pass"
    family = start(f"if os.fork() == 0:\n    {burn}\n    os._exit(0)\nos.wait()\n{burn}\nx = bytearray(100 << 20)")
    usage = family.usage()
    assert 0.55 < usage.cpu_s < 1.0
    assert 100 * MEGABYTE < usage.max_rss < 100 * MEGABYTE + BARE
