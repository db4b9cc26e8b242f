"""A step taken again: the same to the last bit, or the command says what is different."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rlvr.cli import app
from rlvr.config import RL
from rlvr.journal import Journal
from rlvr.learner import checkpoint
from rlvr.learner.step import Learner
from rlvr.samples import Judged, Prompt, Request, Rollout, Sample
from rlvr.settings import load
from verifiers import Task, Verdict


@pytest.fixture(scope="module")
def run(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three journaled steps of a learner with a critic, a checkpoint after the second, and a fourth it died in."""
    out = tmp_path_factory.mktemp("replay") / "run"
    settings: dict[str, Any] = {"preset": "ppo", "epochs": 2, "group_size": 2, "optim": {"lr": 1e-3}}
    config = RL.model_validate(
        {"tasks": {"train": "-"}, "model": str(tiny_model), "out": out, "compute": {"threads": 1}, **settings}
    )
    out.mkdir()
    (out / "config.toml").write_text(load.dump(config))
    learner, journal = Learner(config), Journal(out / "journal.sqlite")
    for step in (1, 2, 3, 4):
        batch = [sample(step, i) for i in range(4)]
        task = Task(id="t", prompt="p", verifier="exact", reference="x")
        rollouts = [s.rollout for s in batch]
        journal.issued(step - 1, [Prompt(task, (1, 2))] * 4, [Request(r.id, r.prompt_ids, 0) for r in rollouts])
        journal.generated(rollouts)
        journal.judged([Judged(s.rollout, Verdict.of_score(0.5), s.reward) for s in batch])
        journal.trained(step, batch)
        if step < 4:
            journal.metrics(step, learner.step(journal.batch_of(step)) | {"reward": 0.5})
        if step == 2:
            checkpoint.write(learner, out / "checkpoints", step)
    journal.close()
    return out


def sample(step: int, i: int) -> Sample:
    n = 3 + i
    rollout = Rollout(
        id=f"{step:06}/0/{i // 2:04}/{i:03}",
        prompt_ids=(1, 2),
        response_ids=tuple(range(5, 5 + n)),
        mask=(1,) * n,
        logprobs=(-5.5,) * n,
        versions=(step - 1,) * n,
        finish="stop",
        text="",
    )
    return Sample(rollout, 0.0, float(i % 2))


def command(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["replay", *map(str, arguments)])


def test_every_step_comes_out_the_same(run: Path) -> None:
    done = command(run)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert [line.split(": ")[1].split(" (")[0] for line in lines[:3]] == ["the same bit for bit"] * 3
    assert "died within it" in lines[3]


def test_a_step_alone_starts_from_the_checkpoint_before_it(run: Path, tmp_path: Path) -> None:
    done = command(run, "--step", 3)
    assert done.exit_code == 0, done.output
    [line] = done.stdout.splitlines()
    assert line.startswith("step 3: the same bit for bit (loss ")


@pytest.mark.parametrize("name", ["loss", "fingerprint", "value_loss"])
def test_one_bit_is_a_difference(run: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import math
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    with closing(sqlite3.connect(copy / "journal.sqlite", isolation_level=None)) as db:
        [text] = db.execute("SELECT metrics FROM steps WHERE step = 2").fetchone()
        metrics = json.loads(text)
        metrics[name] = math.nextafter(metrics[name], math.inf)
        db.execute("UPDATE steps SET metrics = ? WHERE step = 2", (json.dumps(metrics),))
    done = command(copy, "--step", 2)
    assert done.exit_code == 1
    assert f"step 2: DIFFERENT: {name} " in done.stdout
    assert "1 step(s) came out differently" in done.stderr


def test_what_is_not_there_is_said_in_a_line(run: Path, tmp_path: Path) -> None:
    for arguments, message in (
        ((run, "--step", 9), "one of the run's steps, 1 to 4"),
        ((tmp_path,), "expected summary.json, metrics.jsonl or journal.sqlite"),
    ):
        done = command(*arguments)
        assert done.exit_code == 2
        assert message in done.stderr
        assert done.stderr.count("\n") == 1


def test_the_reward_goes_through_the_journal(run: Path, rollout: Callable[..., Rollout]) -> None:
    journal = Journal(run / "journal.sqlite")
    assert [s.reward for s in journal.batch_of(1)] == [0, 1, 0, 1]
    assert replace(journal.batch_of(1)[1], advantage=0.0) == sample(1, 1)
    journal.close()
