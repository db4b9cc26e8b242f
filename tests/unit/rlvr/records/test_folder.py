"""A run directory has one writer at a time, who gives signs of life; a dead one is no writer."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rlvr.errors import UserError
from rlvr.records import folder
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


def test_a_child_that_lives_on_holds_nothing(tmp_path: Path) -> None:
    with sole_writer(tmp_path):
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
    try:
        with sole_writer(tmp_path):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_work_below_is_told(tmp_path: Path) -> None:
    (tmp_path / "rl").mkdir()
    folder.refuse_work_below(tmp_path)
    with sole_writer(tmp_path / "rl"), pytest.raises(UserError, match=f"at work on {tmp_path}/rl"):
        folder.refuse_work_below(tmp_path)
    folder.refuse_work_below(tmp_path)


def test_where_there_are_no_locks_work_goes_on_with_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(descriptor: int, kind: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with sole_writer(tmp_path):
        pass
    assert "no locks there (No locks available)" in caplog.text


def test_a_folder_that_cannot_be_written_to_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none cannot be written to: No such file or directory; choose"):
        with sole_writer(tmp_path / "none"):
            raise AssertionError


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
