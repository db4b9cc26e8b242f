"""`rlvr plan`: the configuration may be a variable, and a model that cannot be read is one line."""

import pytest
from typer.testing import CliRunner

from rlvr.cli import app

CONFIG = """
stage = "rl"
model = "nobody/nothing"
out = "runs/x"
tasks = { train = "gsm8k" }
"""


def test_a_model_that_cannot_be_read_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub.constants", reason="needs rlvr[train]")
    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("MINE", CONFIG)
    done = CliRunner().invoke(app, ["plan", "env:MINE", "steps=3"])
    assert done.stdout.startswith("rl: 3 steps x ")
    assert done.exit_code == 2
    assert done.stderr.startswith("error: model: nobody/nothing cannot be read: ")
    assert done.stderr.count("\n") == 1


def test_a_variable_that_is_not_set_is_one_line() -> None:
    done = CliRunner().invoke(app, ["plan", "env:NOT_SET"])
    assert (done.exit_code, done.stderr) == (2, "error: env:NOT_SET: no such environment variable\n")
