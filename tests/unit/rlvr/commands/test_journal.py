"""Commands that read a run's journal, on journals that are none."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rlvr.cli import app

COMMANDS = (["export", "parquet"], ["export", "inspect"], ["rescore"], ["replay"])


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """An RL stage whose journal is still to be spoilt."""
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n')
    (tmp_path / "config.toml").write_text('stage = "rl"\ntasks = { train = "gsm8k" }\n')
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_what_is_no_journal_is_told_in_one_line(run: Path, command: list[str]) -> None:
    pytest.importorskip({"replay": "torch", "inspect": "inspect_ai"}.get(command[-1], "pyarrow"))
    (run / "journal.sqlite").write_bytes(b"no database" * 1000)
    done = CliRunner().invoke(app, [*command, str(run)])
    said = f"error: {run / 'journal.sqlite'}: the journal cannot be read: file is not a database\n"
    assert (done.exit_code, done.stderr) == (2, said)


def test_so_is_a_database_of_something_else(run: Path) -> None:
    with closing(sqlite3.connect(run / "journal.sqlite")) as db:
        db.execute("CREATE TABLE birds (name)")
    done = CliRunner().invoke(app, ["rescore", str(run)])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "the journal cannot be read: no such table" in done.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_so_is_a_run_without_one(run: Path, command: list[str]) -> None:
    done = CliRunner().invoke(app, [*command, str(run)])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "no rollouts: expected journal.sqlite of an RL stage" in done.stderr
