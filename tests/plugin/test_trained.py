"""The plug-in, installed as any package is, in use everywhere: checked, measured, served, and trained on."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def rlvr(site):
    """The command line in an environment that has the plug-in."""
    environment = os.environ | {"PYTHONPATH": f"{site}{os.pathsep}{ROOT}", "COLUMNS": "200"}

    def run(*arguments, timeout=60):
        command = [sys.executable, "-m", "rlvr.cli", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=environment)

    return run


def test_it_is_checked(rlvr):
    done = rlvr("verifiers", "check", "palindrome")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\n  ok ") == 11


def test_it_is_measured(rlvr, tmp_path):
    rows = [
        {"response": "level", "reference": {"length": 5}, "correct": True, "category": "five"},
        {"response": "noon", "reference": {"length": 5}, "correct": False, "category": "four"},
    ]
    (tmp_path / "cases.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = rlvr("verifiers", "bench", "palindrome", tmp_path / "cases.jsonl", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["total"]["right"], report["total"]["cases"], report["paid"]) == (2, 2, [])
    assert report["probes"] > 0


CONFIG = """
stage = "rl"
model = "{folder}/base"
out = "{folder}/run"
steps = 1
prompts_per_step = 4
group_size = 4
max_lag = 0
refill = 0
sampling = {{ max_tokens = 4 }}
tasks = {{ train = "{folder}/tasks.jsonl", validation = "{folder}/tasks.jsonl", limit = 4, contaminated = "keep" }}
compute = {{ threads = 1 }}
"""


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_it_is_trained_on(rlvr, tmp_path):
    import sqlite3

    from rlvr import tiny
    from rlvr.tasks import procedural

    texts = [problem.prompt for problem, _ in zip(procedural.problems(0, "train"), range(60), strict=False)]
    tiny.build(tmp_path / "base", texts, vocabulary=300, hidden=16, layers=1, seed=0)
    row = {"prompt": "Say a palindrome.", "verifier": "palindrome", "reference": {"length": 1}}
    (tmp_path / "tasks.jsonl").write_text("\n".join(json.dumps({"id": f"t{n}", **row}) for n in range(8)))
    (tmp_path / "run.toml").write_text(CONFIG.format(folder=tmp_path))
    done = rlvr("rl", tmp_path / "run.toml", timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    with sqlite3.connect(tmp_path / "run" / "journal.sqlite") as journal:
        dump = "\n".join(journal.iterdump())
    assert "palindrome" in dump
    assert (tmp_path / "run" / "model" / "config.json").exists()
