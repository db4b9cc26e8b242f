"""What /proc shows of a family of processes: children of this test do what programs do."""

import mmap
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.process import family as family_module
from sandbox.process.family import Family, Usage
from sandbox.process.lookout import Lookout

MEGABYTE = 1 << 20
Start = Callable[[str], Family]
BARE = 40 * MEGABYTE
"""More than an interpreter holds that does nothing."""
SHARED_AND_LET_GO_OF = """
kept = mmap.mmap(-1, 200 << 20)
for k in range(0, len(kept), 4096): kept[k] = 1
kept.madvise(mmap.MADV_DONTNEED)
"""
VFORK_AND_STAY = """
libc = ctypes.CDLL(None)
stack = ctypes.create_string_buffer(1 << 16)
CLONE_VM, SIGCHLD = 0x100, 17
pause = ctypes.cast(libc.pause, ctypes.c_void_p)
libc.clone(pause, ctypes.c_void_p(ctypes.addressof(stack) + (1 << 15)), CLONE_VM | SIGCHLD, None)
"""
LEADER_ENDS = """
import threading
def stay(): print('done', flush=True); time.sleep(60)
threading.Thread(target=stay).start()
time.sleep(0.2)
ctypes.CDLL(None).syscall(60, 0)
"""
LOCK = """
import fcntl
file = open({0!r}, "w")
for k in reversed(range({1})): fcntl.lockf(file, fcntl.LOCK_EX, 1, 2 * k)
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
        family.begin_to_count()
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
    assert not family.holds_more_than(megabytes * MEGABYTE + BARE)
    if megabytes:
        assert family.holds_more_than((megabytes - 10) * MEGABYTE)


def test_shared_memory_hides_behind_no_mappings(start: Start) -> None:
    code = "l = ctypes.CDLL(None)\nfor i in range(6000): l.mmap((1 << 30) + 8192 * i, 4096, i & 1, 0x32, -1, 0)"
    assert start(code + SHARED_AND_LET_GO_OF).holds_more_than(190 * MEGABYTE)


def test_mappings_count(start: Start) -> None:
    code = "l = ctypes.CDLL(None)\nfor i in range(60_000): l.mmap(None, 4096, i & 1, 0x22, -1, 0)"
    family = start(code + "\nfor _ in range(9): os.fork() or time.sleep(60)")
    assert family.holds_more_than(110 * MEGABYTE)
    assert not family.holds_more_than(300 * MEGABYTE)


def test_a_look_that_takes_long_is_not_waited_for(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it is over, what can be seen at once decides."""
    family = start("x = bytearray(200 << 20)\nif os.fork() == 0: time.sleep(60)")
    stuck, lookout = threading.Event(), Lookout()
    monkeypatch.setattr(Family, "holds_more_than", lambda self, limit: stuck.wait(60) and False)
    begin = time.monotonic()
    assert not family.is_seen_to_hold_too_much(100 * MEGABYTE, lookout)
    assert family.seen_usage(lookout) == Usage()
    time.sleep(0.1)
    assert not family.is_seen_to_hold_too_much(300 * MEGABYTE, lookout)
    assert family.is_seen_to_hold_too_much(100 * MEGABYTE, lookout)
    assert time.monotonic() - begin < 0.9
    time.sleep(1.0)
    assert family.is_seen_to_hold_too_much(300 * MEGABYTE, lookout)
    stuck.set()
    monkeypatch.setattr(family_module, "_PATIENCE_S", 30.0)
    assert not family.is_seen_to_hold_too_much(300 * MEGABYTE, lookout)


def test_what_others_can_keep_waiting_is_told_when_it_is_known() -> None:
    lookout, stuck = Lookout(), threading.Event()
    assert lookout.ask(lambda: 1, 0, 30) == 1
    assert lookout.ask(lambda: stuck.wait(60), False, 0.01) is False
    assert lookout.ask(lambda: 2, 0, 0.01) == 0
    assert 0 < lookout.waits_for_s() < 30
    stuck.set()
    assert lookout.ask(lambda: 3, 0, 30) == 3
    assert lookout.waits_for_s() == 0
    with pytest.raises(KeyError, match="x"):
        lookout.ask(lambda: {}["x"], 0, 30)
    assert lookout.ask(lambda: 4, 0, 30) == 4


def test_a_memory_that_two_are_in_counts_once(start: Start) -> None:
    """As a child of vfork(2) is, until it executes something."""
    family = start(f"x = bytearray(100 << 20)\n{VFORK_AND_STAY}")
    assert not family.holds_more_than(100 * MEGABYTE + BARE)
    assert family.holds_more_than(90 * MEGABYTE)


def test_a_memory_is_seen_behind_a_leader_that_has_ended(start: Start) -> None:
    family = start(f"x = bytearray(200 << 20)\n{LEADER_ENDS}")
    assert family.holds_more_than(190 * MEGABYTE)


def test_who_has_ended_hides_nothing(start: Start) -> None:
    """Others of the host share more memory meanwhile, and a zombie has no mappings to be looked at."""
    family = start("os.fork() or os._exit(0)")
    kept = mmap.mmap(-1, 200 * MEGABYTE)
    for k in range(0, len(kept), 4096):
        kept[k] = 1
    assert not family.holds_more_than(100 * MEGABYTE)
    kept.close()


def test_locks_count(start: Start, tmp_path: Path) -> None:
    assert not start(LOCK.format(str(tmp_path / "one"), 900)).has_too_many_locks()
    assert start(LOCK.format(str(tmp_path / "other"), 12_000)).has_too_many_locks()


def test_usage_is_of_those_alive_and_of_those_waited_for(start: Start) -> None:
    burn = "while time.process_time() < 0.3: pass"
    family = start(f"if os.fork() == 0:\n    {burn}\n    os._exit(0)\nos.wait()\n{burn}\nx = bytearray(100 << 20)")
    usage = family.usage()
    assert 0.55 < usage.cpu_s < 1.0
    assert 100 * MEGABYTE < usage.max_rss < 100 * MEGABYTE + BARE
