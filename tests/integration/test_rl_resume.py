"""A run that is killed at any moment goes on from its journal and checkpoint to the very same weights."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from rlvr import tiny
from rlvr.tasks import procedural

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(600)]

STEPS = 8
CONFIG = """
stage = "rl"
model = "{folder}/base"
out = "{folder}/{name}"
steps = {steps}
prompts_per_step = 6
group_size = 4
max_lag = 0
refill = 0
checkpoint_every = 3
evaluate_every = 4
sampling = {{ max_tokens = 6 }}
tasks = {{ train = "{folder}/tasks.jsonl", validation = "{folder}/tasks.jsonl", limit = 12 }}
optim = {{ lr = 1e-3 }}
compute = {{ threads = 1 }}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows nothing, and tasks whose rewards differ by chance: how many tokens without a comma."""
    folder = tmp_path_factory.mktemp("resume")
    texts = [p.prompt for p, _ in zip(procedural.problems(0, "train"), range(60), strict=False)]
    tiny.build(folder / "base", texts, vocabulary=300, hidden=16, layers=1, seed=0)
    reference = '{"instruction_id_list": ["length_constraints:number_words"], "kwargs": [{"num_words": 2, "relation": "at least"}]}'
    rows = [
        f'{{"id": "t{i}", "prompt": "{i} words", "verifier": "instructions", "reference": {reference}}}'
        for i in range(24)
    ]
    (folder / "tasks.jsonl").write_text("\n".join(rows))
    return folder


def command(folder: Path, name: str, *more: str) -> list[str]:
    path = folder / f"{name}.toml"
    path.write_text(CONFIG.format(folder=folder, name=name, steps=STEPS))
    return [sys.executable, "-m", "rlvr.cli", "rl", str(path), *more]


def finish(folder: Path, name: str, *more: str) -> None:
    done = subprocess.run(command(folder, name, *more), capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-2000:]


def trained(folder: Path, name: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(folder / name / "journal.sqlite") as db:
        rows = db.execute(
            "SELECT step, place, id, response_ids, logprobs, advantage FROM rollouts WHERE step IS NOT NULL "
            "ORDER BY step, place"
        ).fetchall()
    db.close()
    return rows


def weights(folder: Path, name: str) -> dict[str, torch.Tensor]:
    path = folder / name / "checkpoints" / f"step-{STEPS:06}" / "learner.pt"
    state: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["model"]
    return state


def kill_after(folder: Path, name: str, steps: int) -> None:
    """Kill -9 the run, and everything that it started, once so many steps are journaled."""
    run = subprocess.Popen(
        command(folder, name), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    journal = folder / name / "journal.sqlite"
    deadline = time.monotonic() + 150
    while not (journal.exists() and steps_of(journal) >= steps):
        assert run.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline, "the run made no progress"
        time.sleep(0.01)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()


def steps_of(journal: Path) -> int:
    db = sqlite3.connect(f"file:{journal}?mode=ro", uri=True)
    try:
        (count,) = db.execute("SELECT count(*) FROM steps").fetchone()
        return int(count)
    except sqlite3.OperationalError:  # it is just being made
        return 0
    finally:
        db.close()


def test_a_killed_run_ends_like_one_that_was_not(folder: Path) -> None:
    finish(folder, "whole")
    assert len(trained(folder, "whole")) > 0
    kill_after(folder, "killed", 5)
    finish(folder, "killed", "--resume")
    assert trained(folder, "killed") == trained(folder, "whole")
    for name, value in weights(folder, "whole").items():
        assert torch.equal(value, weights(folder, "killed")[name]), name
    assert (folder / "killed" / "model" / "config.json").exists()


def test_a_run_directory_in_use_needs_resume(folder: Path) -> None:
    (folder / "used").mkdir()
    (folder / "used" / "journal.sqlite").touch()
    done = subprocess.run(command(folder, "used"), capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--resume" in done.stderr
