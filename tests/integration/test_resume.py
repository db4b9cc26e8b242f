"""Ten kills -9 in one run, at the points that matter: the learner's rows are those of a run without any.

Sampled on policy, everything is the same; sampled ahead, what was sampled depends on when weights arrived, so what must
hold is that nothing is lost, nothing is trained twice, and every step can be taken again bit for bit.
"""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rlvr.records.replay import replay

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
SCRIPT = Path(__file__).with_name("mortal_runs.py")
STEPS = 40


def torment(folder: Path, max_lag: int) -> dict[str, Any]:
    command = [sys.executable, str(SCRIPT), str(folder), str(max_lag)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1000)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert [death["code"] for death in found["deaths"]] == [-9] * 10, found["deaths"]
    assert found["code"] == 0, done.stderr[-3000:]
    return found


def ask(run: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(run / "journal.sqlite")) as db:
        return list(db.execute(query))


def learner_rows(run: Path) -> list[dict[str, float]]:
    rows = [json.loads(row) for [row] in ask(run, "SELECT metrics FROM steps WHERE step > 0 ORDER BY step")]
    return [{name: row[name] for name in ("loss", "grad_norm", "fingerprint", "samples", "lr")} for row in rows]


def check_whole(run: Path, found: dict[str, Any]) -> None:
    """Nothing lost, nothing trained twice, and every step taken again to the same bits."""
    there = dict(ask(run, "SELECT id, hex(response_ids) FROM rollouts WHERE response_ids IS NOT NULL"))
    assert {id: there.get(id) for id in found["seen"]} == found["seen"]
    [[steps, committed]] = ask(run, "SELECT count(*), sum(samples) FROM steps WHERE step > 0")
    [[trained]] = ask(run, "SELECT count(*) FROM rollouts WHERE state = 'trained'")
    assert (steps, committed) == (STEPS, trained)
    assert trained > STEPS
    again = list(replay(run, None))
    assert [taken.step for taken in again] == list(range(1, STEPS + 1))
    assert all("fingerprint" in taken.recorded for taken in again)
    assert [taken.different for taken in again] == [[]] * STEPS


def test_on_policy_ten_kills_change_nothing(folder: Path) -> None:
    found = torment(folder, 0)
    whole, killed = folder / "whole-0", folder / "killed-0"
    assert learner_rows(killed) == learner_rows(whole)
    assert len({row["fingerprint"] for row in learner_rows(whole)}) > STEPS / 2
    batches = "SELECT step, place, id, response_ids, logprobs, advantage FROM rollouts WHERE step > 0 ORDER BY 1, 2"
    assert ask(killed, batches) == ask(whole, batches)
    check_whole(killed, found)


def test_ahead_of_learning_ten_kills_lose_and_repeat_nothing(folder: Path) -> None:
    found = torment(folder, 2)
    check_whole(folder / "killed-2", found)
