"""`rlvr eval` from its configuration to its summary, on a local Ray: one model and its copy differ in nothing."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rlvr import tiny
from rlvr.tasks.procedural import demonstrations, distinct

pytestmark = [pytest.mark.slow, pytest.mark.ray]

CONFIG = """
stage = "eval"
out = "{0}/run"
models = {{ first = "{0}/model", copy = "{0}/copy" }}
development = {{ math = "{0}/math.jsonl", words = "{0}/instructions.jsonl" }}
unseen = {{ code = "{0}/code.jsonl" }}
samples = 3
pass_at = [1, 3]
sampling = {{ temperature = 1.0, max_tokens = 12 }}
tax = {{ texts = "{0}/raw.txt", context = 32, stride = 16 }}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = list(demonstrations(0, 300, 0.5))
    tiny.build(tmp_path / "model", [m["content"] for row in rows for m in row["messages"]], 300, 16, 1, 0)
    shutil.copytree(tmp_path / "model", tmp_path / "copy")
    for family in ("math", "instructions", "code"):
        tasks = distinct(0, "held_out", 6, family)
        (tmp_path / f"{family}.jsonl").write_text("".join(task.model_dump_json() + "\n" for task in tasks))
    (tmp_path / "raw.txt").write_text("A first text of some words.\n---\nAnd another.\n---\nThe third.\n")
    (tmp_path / "eval.toml").write_text(CONFIG.format(tmp_path))
    return tmp_path


def test_a_model_and_its_copy(folder: Path) -> None:
    command = [sys.executable, "-m", "rlvr.cli", "eval", str(folder / "eval.toml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads((folder / "run" / "summary.json").read_text())
    assert summary["unseen_not_judged"] == ["code"]
    assert summary["suites"].keys() == {"math", "words"}
    assert summary["averages"].keys() == {"development"}
    nothing = {"value": 0.0, "interval": [0.0, 0.0]}
    for suite in summary["suites"].values():
        first, copy = suite["models"].values()
        assert first == copy
        assert first["tasks"] == 6
        assert first["pass@k"]["1"]["value"] <= first["pass@k"]["3"]["value"]
        assert suite["gains"] == {"copy": nothing}
    assert summary["tax"]["models"]["copy"]["change"] == {"bits_per_byte": nothing, "perplexity": nothing}
    assert summary["tax"]["models"]["first"]["documents"] == 3
    assert len((folder / "run" / "math" / "first.jsonl").read_text().splitlines()) == 18
