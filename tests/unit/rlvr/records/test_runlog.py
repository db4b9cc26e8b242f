"""The record of a stage: rows that can be read while they are written, and after a kill."""

from pathlib import Path

import pytest

from rlvr.records.runlog import RunLog, read


def test_rows_come_back_as_they_were_logged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "deep" / "run"
    with RunLog(out, "rl", 5) as log:
        log(1, {"reward": 0.25, "other": 1.0})
        assert [row["reward"] for row in read(out)] == [0.25]  # while it is open
        log(2, {"reward": 0.5})
    rows = list(read(out))
    assert [(row["step"], row["total"], row["reward"]) for row in rows] == [(1, 5, 0.25), (2, 5, 0.5)]
    assert 0 <= rows[0]["seconds"] <= rows[1]["seconds"]
    assert capsys.readouterr().out == "rl 1/5  reward 0.25\nrl 2/5  reward 0.5\n"


def test_a_stage_that_has_not_begun_has_no_rows(tmp_path: Path) -> None:
    assert list(read(tmp_path)) == []


def test_half_a_line_left_by_a_kill_spoils_nothing(tmp_path: Path) -> None:
    with RunLog(tmp_path, "rl", 5) as log:
        log(1, {})
        log(2, {})
    file = tmp_path / "metrics.jsonl"
    file.write_text(file.read_text()[:-7])
    assert [row["step"] for row in read(tmp_path)] == [1]
    for step in (2, 3):
        with RunLog(tmp_path, "rl", 5, resume=True) as log:
            log(step, {})
    assert [row["step"] for row in read(tmp_path)] == [1, 2, 3]


def test_a_new_run_starts_a_new_record(tmp_path: Path) -> None:
    for step in (1, 2):
        with RunLog(tmp_path, "rl", 5) as log:
            log(step, {})
    assert [row["step"] for row in read(tmp_path)] == [2]
