"""What is checked here before a job is sent, and what only the cluster can know."""

from pathlib import Path

from typer.testing import CliRunner

from rlvr.cli import app

CONFIG = """
model = "/only/there"
out = "runs/x"
tasks = { train = "/only/there/tasks.jsonl" }
"""


def submit(folder: Path, *overrides: str) -> tuple[int, str]:
    (folder / "rl.toml").write_text(CONFIG)
    command = ["submit", "rl", str(folder / "rl.toml"), *overrides, "--address", "http://127.0.0.1:1"]
    done = CliRunner().invoke(app, command)
    return done.exit_code, done.stderr


def test_models_and_data_may_be_where_the_cluster_is(tmp_path: Path) -> None:
    code, said = submit(tmp_path)
    assert code == 2
    assert said.startswith("error: no Ray job server answers at http://127.0.0.1:1 ")
    assert said.count("\n") == 1


def test_a_run_directory_must_be_named(tmp_path: Path) -> None:
    assert submit(tmp_path, 'out=""') == (
        2,
        'error: out: expected a run directory, got nothing; write out = "runs/NAME"\n',
    )
