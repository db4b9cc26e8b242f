"""Exports hold every judged rollout, in the columns that other tools know."""

from pathlib import Path
from runpy import run_path

import pytest
from typer.testing import CliRunner

from rlvr.commands.export import app
from rlvr.journal import Journal
from rlvr.records import export

RUNS = run_path(str(Path(__file__).parents[1] / "view" / "conftest.py"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return RUNS["write_demo"](tmp_path_factory.mktemp("export") / "demo")


def test_parquet_has_trls_columns_first_and_every_rollout(run: Path, tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet", reason="needs rlvr[train]")
    done = CliRunner().invoke(app, ["parquet", str(run), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    files = sorted((tmp_path / "out").iterdir())
    assert [file.name for file in files[:2]] == ["completions_00001.parquet", "completions_00002.parquet"]
    table = pq.read_table(tmp_path / "out")
    assert table.column_names[:7] == ["step", "prompt", "completion", "code", "instructions", "math", "advantage"]
    counts = Journal(run / "rl" / "journal.sqlite").counts()
    assert table.num_rows == sum(counts.values()) - counts["issued"]
    rows = table.to_pylist()
    for row in rows:
        assert row["prompt"][0]["role"] == "user"
        assert row["completion"][0]["role"] == "assistant"
        assert row[row["verifier"]] == row["score"]
        assert [row[name] for name in ("code", "instructions", "math") if name != row["verifier"]] == [None, None]
    assert {row["status"] for row in rows} == {"correct", "incorrect", "error"}


def test_inspect_reads_the_logs(run: Path, tmp_path: Path) -> None:
    log = pytest.importorskip("inspect_ai.log", reason="needs rlvr[inspect]: make test-trackers")
    written = export.inspect(run / "rl" / "journal.sqlite", tmp_path, "rlvr/demo", every=20)
    assert [file.name for file in written] == ["step-00020.eval", "step-00040.eval", "step-00060.eval"]
    found = log.read_eval_log(str(written[0]))
    assert found.status == "success"
    assert len(found.samples) == 12
    assert {sample.epoch for sample in found.samples} == {1, 2, 3, 4}
    assert found.samples[0].scores["verdict"].explanation.startswith(("correct", "incorrect"))


def test_a_run_without_rollouts_is_said(run: Path) -> None:
    done = CliRunner().invoke(app, ["parquet", str(run / "sft")])
    assert done.exit_code == 2
    assert "no rollouts: expected journal.sqlite" in done.output


def test_where_nothing_can_be_written_is_one_line(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow.parquet", reason="needs rlvr[train]")
    (tmp_path / "file").touch()
    for out, reason in ((tmp_path / "file", "File exists"), (Path("/proc/none"), "No such file or directory")):
        done = CliRunner().invoke(app, ["parquet", str(run), "--out", str(out)])
        said = f"error: {out} cannot be written to: {reason}; give another with --out\n"
        assert (done.exit_code, done.stderr) == (2, said)
