"""`rlvr runs`: the list of runs in a terminal."""

import json
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from rlvr.commands.view import list_runs

APP = Typer()
APP.command()(list_runs)


@pytest.mark.parametrize("name", ["plain", "[red]x", "a]", "[/x]"])
def test_a_run_is_called_by_its_name(tmp_path: Path, name: str) -> None:
    run = tmp_path / "runs" / name
    run.mkdir(parents=True)
    (run / "metrics.jsonl").write_text('{"step": 3, "total": 4, "reward": 0.5}\n')
    shown = CliRunner().invoke(APP, [str(tmp_path / "runs")])
    assert shown.exit_code == 0, shown.output
    assert name.partition("/")[0] in shown.output
    assert "3/4" in shown.output
    told = CliRunner().invoke(APP, [str(tmp_path / "runs"), "--json"])
    assert json.loads(told.output)["name"] == name


@pytest.mark.parametrize("name", ["empty", "[/x]"])
def test_no_runs_are_said(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir(parents=True)
    shown = CliRunner().invoke(APP, [str(tmp_path / name)])
    assert (shown.exit_code, shown.output) == (0, f"no runs below {tmp_path / name}\n")
