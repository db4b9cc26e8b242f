"""Judge a finished run again, with other verifiers or newer ones: which rewards flip, and which updates did they feed?

The journal is only read. What is found goes beside it: `rescores/NAME.json`, and the flips one a line. What it would
have been to train on the other rewards is left out: advantages, and all that follows from them, would be others.
"""

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rlvr.errors import UserError
from rlvr.view.rescored import FOLDER, Change, StepFlips, Summary
from rlvr.view.rollouts import group_of, reading
from verifiers import Grader, Item, Task, Verdict

CHUNK = 2048
"""Rollouts judged at a time."""

_JUDGED = """
SELECT rollouts.id, rollouts.step, rollouts.advantage, rollouts.text, rollouts.status, rollouts.score,
    rollouts.reason, rollouts.verifier, rollouts.verifier_version, tasks.task AS row
FROM rollouts JOIN tasks ON tasks.id = rollouts.task WHERE rollouts.status IS NOT NULL AND rollouts.id > ?
ORDER BY rollouts.id LIMIT ?
"""


async def rescore(
    journal: Path, name: str, grader: Grader, instead: Mapping[str, str] | None = None, limit: int | None = None
) -> Summary:
    """Judge every judged rollout again and write what came of it.

    `instead`: verifier of the task -> the one that judges now; `*` stands for all others. `limit`: so many rollouts,
    spread evenly over the run. Raises UserError when a verifier is unknown or cannot read the references.
    """
    start = time.monotonic()
    tally = Tally()
    folder = journal.parent / FOLDER
    folder.mkdir(exist_ok=True)
    part = folder / f"{name}.jsonl.part"
    with part.open("w", encoding="utf-8") as file:
        for chunk in _chunks(journal, limit):
            items = [_item(row, instead or {}) for row in chunk]
            _check(items, grader, tally.checked)
            for row, verdict in zip(chunk, await grader.grade_many(items), strict=True):
                if flip := tally.add(row, verdict):
                    file.write(json.dumps(flip) + "\n")
    part.replace(folder / f"{name}.jsonl")
    summary = tally.summary(time.monotonic() - start)
    (folder / f"{name}.json").write_text(summary.model_dump_json(indent=2), encoding="utf-8")
    return summary


class Tally:
    """What has been counted so far."""

    def __init__(self) -> None:
        self.checked: set[str] = set()
        self.judged = self.flips = self.trained_flips = self.errors = 0
        self.groups: set[str] = set()
        self.changes: Counter[tuple[str, str, str, str]] = Counter()
        self.trained: Counter[int] = Counter()
        self.flipped: Counter[int] = Counter()

    def add(self, row: sqlite3.Row, verdict: Verdict) -> dict[str, Any] | None:
        """Count one rollout; what there is to say of it when its score is another."""
        if verdict.status == "error":
            self.errors += 1
            return None
        self.judged += 1
        if row["step"] is not None:
            self.trained[row["step"]] += 1
        if verdict.score == row["score"]:
            return None
        self.flips += 1
        self.groups.add(group_of(row["id"]))
        then = f"{row['verifier']} {row['verifier_version']}"
        self.changes[then, f"{verdict.verifier} {verdict.version}", row["status"], verdict.status] += 1
        if row["step"] is not None:
            self.trained_flips += 1
            self.flipped[row["step"]] += 1
        before = {key: row[key] for key in ("verifier", "status", "score", "reason")}
        before["version"] = row["verifier_version"]
        after = verdict.model_dump(include={"verifier", "version", "status", "score", "reason", "extracted"})
        about = {"id": row["id"], "task": json.loads(row["row"])["id"], "step": row["step"]}
        return about | {"advantage": row["advantage"], "before": before, "after": after}

    def summary(self, seconds: float) -> Summary:
        changes = [
            Change(verifier=then, now=now, before=before, after=after, count=count)
            for (then, now, before, after), count in self.changes.most_common()
        ]
        steps = [StepFlips(step=s, trained=self.trained[s], flips=n) for s, n in sorted(self.flipped.items())]
        return Summary(
            judged=self.judged,
            flips=self.flips,
            trained_flips=self.trained_flips,
            groups=len(self.groups),
            errors=self.errors,
            changes=changes,
            steps=steps,
            seconds=round(seconds, 2),
        )


def _chunks(journal: Path, limit: int | None) -> Iterator[list[sqlite3.Row]]:
    """Judged rollouts in order: all, or as many as `limit` says. Each chunk is a read of its own: nobody is held up."""
    last = ""
    with reading(journal) as db:
        total = db.execute("SELECT count(*) FROM rollouts WHERE status IS NOT NULL").fetchone()[0]
    wanted, seen = min(limit or total, total), 0
    while True:
        with reading(journal) as db:
            rows = db.execute(_JUDGED, (last, CHUNK)).fetchall()
        if not rows:
            return
        last = rows[-1]["id"]
        yield [row for n, row in enumerate(rows, seen) if n * wanted // total < (n + 1) * wanted // total]
        seen += len(rows)


def _item(row: sqlite3.Row, instead: Mapping[str, str]) -> Item:
    try:
        task = Task.model_validate_json(row["row"])
    except ValidationError as error:
        raise UserError(f"the task of rollout {row['id']} cannot be read: {error.errors()[0]['msg']}") from None
    verifier = instead.get(task.verifier, instead.get("*", task.verifier))
    return Item(row["id"], verifier, row["text"], task.reference, task.params)


def _check(items: list[Item], grader: Grader, checked: set[str]) -> None:
    """The first item of every verifier, before any work is done on it."""
    for item in items:
        if item.verifier not in checked:
            checked.add(item.verifier)
            try:
                grader.check(item.verifier, item.reference, item.params)
            except (LookupError, ValueError) as error:
                raise UserError(f"{item.verifier} cannot judge rollout {item.id}: {error}") from None
