"""What a journal tells a reader: how far the rollouts came, what the verifiers said, and a few rollouts to look at.

The file is opened read-only, so that a run that is still writing to it is left alone. Model text is hostile: it
leaves here cut to size, and is escaped where the page is put together.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_SAMPLES, MOST_COLUMNS = 16, 60
PROMPT_LIMIT, RESPONSE_LIMIT, REFERENCE_LIMIT, LINE_LIMIT = 1200, 1600, 800, 300
"""Characters shown of a prompt, of a response, of a reference, and of anything shorter by nature."""

RIGHT, WRONG = ("correct",), ("incorrect", "no_answer", "partial")

PICKS = (
    ("early, wrong", WRONG, "ASC"),
    ("early, right", RIGHT, "ASC"),
    ("late, wrong", WRONG, "DESC"),
    ("late, right", RIGHT, "DESC"),
    ("undecided", ("undecided",), "DESC"),
    ("error", ("error",), "DESC"),
)
"""Label, statuses, and from which end of the run."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """How often one version of a verifier gave each status."""

    verifier: str
    version: str
    statuses: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.statuses.values())


@dataclass(frozen=True, slots=True)
class Shown:
    """One rollout for a reader, with texts cut to size."""

    label: str
    id: str
    task: str
    prompt: str
    response: str
    expected: str
    verifier: str
    version: str
    status: str
    score: float | None
    reason: str
    extracted: str
    reward: float | None
    advantage: float | None
    step: int | None
    """The step that trained on it."""
    batch: int
    dropped: str
    """Why nothing trained on it."""
    finish: str


@dataclass(frozen=True, slots=True)
class History:
    states: dict[str, int]
    dropped: dict[str, int]
    """Reason -> rollouts."""
    verdicts: list[Verdicts]
    mix: list[tuple[int, int, dict[str, int]]]
    """The run in columns: first and last batch, counted from 1, and how often each status was given in them."""
    samples: dict[str, list[Shown]]
    """By verifier."""


def read_history(path: Path) -> History:
    """Raises sqlite3.Error when the file is no journal."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        db.text_factory = lambda data: data.decode("utf-8", "replace")
        verdicts = _verdicts(db)
        return History(
            dict(map(tuple, db.execute("SELECT state, count(*) FROM rollouts GROUP BY state"))),
            dict(
                map(
                    tuple,
                    db.execute(
                        "SELECT coalesce(dropped, ''), count(*) FROM rollouts WHERE state = 'dropped' GROUP BY 1 "
                        "ORDER BY 2 DESC"
                    ),
                )
            ),
            verdicts,
            _mix(db),
            _samples(db, list(dict.fromkeys(row.verifier for row in verdicts))),
        )


def _verdicts(db: sqlite3.Connection) -> list[Verdicts]:
    counts: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    query = (
        "SELECT coalesce(verifier, ''), coalesce(verifier_version, ''), status, count(*) FROM rollouts "
        "WHERE status IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )
    for verifier, version, status, count in db.execute(query):
        counts[verifier, version][status] = count
    return [Verdicts(*key, statuses) for key, statuses in counts.items()]


def _mix(db: sqlite3.Connection) -> list[tuple[int, int, dict[str, int]]]:
    first, last = db.execute("SELECT min(batch), max(batch) FROM rollouts WHERE status IS NOT NULL").fetchone()
    if first is None:
        return []
    size = -(-(last - first + 1) // MOST_COLUMNS)
    columns: dict[int, dict[str, int]] = defaultdict(dict)
    query = (
        "SELECT (batch - ?) / ? AS place, status, count(*) FROM rollouts WHERE status IS NOT NULL "
        "GROUP BY 1, 2 ORDER BY 1"
    )
    for place, status, count in db.execute(query, (first, size)):
        columns[place][status] = count
    starts = ((first + 1 + place * size, counts) for place, counts in columns.items())
    return [(start, min(start + size - 1, last + 1), counts) for start, counts in starts]


def _samples(db: sqlite3.Connection, verifiers: list[str]) -> dict[str, list[Shown]]:
    found: dict[str, list[Shown]] = {}
    left = MOST_SAMPLES
    for verifier in verifiers:
        found[verifier] = list(_picked(db, verifier))[:left]
        left -= len(found[verifier])
    return {verifier: shown for verifier, shown in found.items() if shown}


def _picked(db: sqlite3.Connection, verifier: str) -> Iterator[Shown]:
    """Rollouts that were trained on come first: their groups hold right and wrong answers to one prompt."""
    seen: set[str] = set()
    for label, statuses, order in PICKS:
        marks = ", ".join("?" * len(statuses))
        row = db.execute(
            f"SELECT rollouts.*, tasks.task AS row FROM rollouts LEFT JOIN tasks ON tasks.id = rollouts.task "
            f"WHERE coalesce(verifier, '') = ? AND status IN ({marks}) "
            f"ORDER BY state = 'trained' DESC, batch {order}, rollouts.id {order} LIMIT 1",
            (verifier, *statuses),
        ).fetchone()
        if row and row["id"] not in seen:
            seen.add(row["id"])
            yield _shown(label, row)


def _shown(label: str, row: sqlite3.Row) -> Shown:
    task = _task(row["row"])
    return Shown(
        label=label,
        id=clip(row["id"]),
        task=clip(row["task"]),
        prompt=clip(_prompt(task.get("prompt")), PROMPT_LIMIT),
        response=clip(row["text"] or "", RESPONSE_LIMIT),
        expected=clip(_reference(task.get("reference")), REFERENCE_LIMIT),
        verifier=clip(row["verifier"] or ""),
        version=clip(row["verifier_version"] or ""),
        status=row["status"],
        score=row["score"],
        reason=clip(row["reason"] or ""),
        extracted=clip(row["extracted"] or ""),
        reward=row["reward"],
        advantage=row["advantage"],
        step=row["step"],
        batch=row["batch"],
        dropped=clip(row["dropped"] or ""),
        finish=row["finish"] or "",
    )


def _task(text: str | None) -> dict[str, Any]:
    try:
        task = json.loads(text or "{}")
    except ValueError:
        return {}
    return task if isinstance(task, dict) else {}


def _prompt(prompt: Any) -> str:
    """Chat messages with their roles, unless there is only one."""
    if isinstance(prompt, str) or prompt is None:
        return prompt or ""
    turns = [turn for turn in prompt if isinstance(turn, dict)] if isinstance(prompt, list) else []
    if len(turns) == 1:
        return str(turns[0].get("content"))
    return "\n\n".join(f"{turn.get('role')}: {turn.get('content')}" for turn in turns)


def _reference(reference: Any) -> str:
    if reference is None:
        return ""
    return reference if isinstance(reference, str) else json.dumps(reference, ensure_ascii=False)


def clip(text: str, limit: int = LINE_LIMIT) -> str:
    """The text, or the beginning and the end of a long one."""
    if len(text) <= limit:
        return text
    head = limit * 2 // 3
    return f"{text[:head]}\n[... {len(text) - limit:,} characters left out ...]\n{text[head - limit :]}"
