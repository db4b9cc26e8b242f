"""A run directory has one writer at a time, who gives signs of life; a dead one is no writer."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rlvr.errors import UserError
from rlvr.records.folder import ALIVE, Heartbeat, sole_writer

HOLD = """
import sys
from pathlib import Path
from rlvr.records.folder import sole_writer

with sole_writer(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_writer_is_told_and_the_next_one_may(tmp_path: Path) -> None:
    with sole_writer(tmp_path), pytest.raises(UserError, match=f"another process is at work on {tmp_path}; wait"):
        with sole_writer(tmp_path):
            raise AssertionError
    with sole_writer(tmp_path):
        pass


def test_a_writer_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(UserError, match="another process"), sole_writer(tmp_path):
            raise AssertionError
        process.kill()
        process.wait(10)
        with sole_writer(tmp_path):
            pass


def test_a_run_gives_signs_of_life_between_its_rows_and_none_when_it_is_over(tmp_path: Path) -> None:
    with sole_writer(tmp_path):
        seen = soon(lambda: (tmp_path / ALIVE).exists())
    assert seen
    assert not (tmp_path / ALIVE).exists()


def test_signs_of_life_go_on(tmp_path: Path) -> None:
    heartbeat = Heartbeat(tmp_path / ALIVE, every_s=0.01)
    try:
        assert soon((tmp_path / ALIVE).exists)
        os.utime(tmp_path / ALIVE, (0, 0))
        assert soon(lambda: (tmp_path / ALIVE).stat().st_mtime > 0)
    finally:
        heartbeat.stop()


def soon(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while not true() and time.monotonic() < deadline:
        time.sleep(0.005)
    return true()
