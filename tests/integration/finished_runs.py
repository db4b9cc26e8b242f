"""What tests of whole runs look at in a run directory, and when two runs are the same."""

import sqlite3
from contextlib import closing
from pathlib import Path

import torch


def steps_of(run: Path) -> int:
    """How many are journaled so far; 0 before there is a journal."""
    if not (run / "journal.sqlite").exists():
        return 0
    with closing(sqlite3.connect(f"file:{run / 'journal.sqlite'}?mode=ro", uri=True)) as db:
        try:
            return int(db.execute("SELECT count(*) FROM steps WHERE step > 0").fetchone()[0])
        except sqlite3.OperationalError:  # it is just being made
            return 0


def trained(run: Path) -> list[tuple[object, ...]]:
    """What the learner was given, in its order."""
    query = (
        "SELECT step, place, id, response_ids, logprobs, advantage FROM rollouts WHERE step > 0 ORDER BY step, place"
    )
    with closing(sqlite3.connect(run / "journal.sqlite")) as db:
        return db.execute(query).fetchall()


def weights(run: Path) -> dict[str, torch.Tensor]:
    """Of the last checkpoint."""
    path = max((run / "checkpoints").glob("step-*")) / "learner.pt"
    state: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["models"]["policy"]
    return state


def check_same(run: Path, other: Path) -> None:
    """Both trained on the same rows, and came to the same weights, bit for bit."""
    assert len(trained(other)) > 0
    assert trained(run) == trained(other)
    assert weights(run).keys() == weights(other).keys()
    for key, value in weights(other).items():
        assert torch.equal(value, weights(run)[key]), key
