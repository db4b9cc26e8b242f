"""One writer at a time: the second is told, and a dead one is no writer."""

import subprocess
import sys
from pathlib import Path

import pytest

from rlvr.errors import UserError
from rlvr.records.folder import sole_writer

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
