"""What a journal tells a reader: how far the rollouts came, what the verifiers said, and a few rollouts to look at.

The file is opened read-only, so that a run that is still writing to it is left alone. Model text is hostile: it
leaves here cut to size, and is escaped where the page is put together.
"""

import json
import sqlite3
from collections import Counter, defaultdict
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
    ("early, wrong", WRONG, False),
    ("early, right", RIGHT, False),
    ("late, wrong", WRONG, True),
    ("late, right", RIGHT, True),
    ("undecided", ("undecided",), True),
    ("error", ("error",), True),
)
"""Label, statuses, and whether from the end of the run."""


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


@dataclass(frozen=True, slots=True)
class _Cell:
    """Rollouts of one batch that ended alike; `first` and `last` of their ids."""

    state: str
    dropped: str
    verifier: str
    version: str
    status: str | None
    batch: int
    count: int
    first: str
    last: str


_CELLS = """
SELECT state, coalesce(dropped, ''), coalesce(verifier, ''), coalesce(verifier_version, ''), status, batch,
    count(*), min(id), max(id)
FROM rollouts GROUP BY 1, 2, 3, 4, 5, 6
"""


def read_history(path: Path) -> History:
    """Raises sqlite3.Error when the file is no journal. Goes through the rollouts once, however many there are."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
        db.text_factory = lambda data: data.decode("utf-8", "replace")
        cells = [_Cell(*row) for row in db.execute(_CELLS)]
        judged = [cell for cell in cells if cell.status is not None]
        db.row_factory = sqlite3.Row
        return History(_states(cells), _dropped(cells), _verdicts(judged), _mix(judged), _samples(db, judged))


def _states(cells: list[_Cell]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for cell in cells:
        counts[cell.state] += cell.count
    return dict(counts)


def _dropped(cells: list[_Cell]) -> dict[str, int]:
    """The commonest reason first."""
    counts: Counter[str] = Counter()
    for cell in cells:
        if cell.state == "dropped":
            counts[cell.dropped] += cell.count
    return dict(counts.most_common())


def _verdicts(judged: list[_Cell]) -> list[Verdicts]:
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for cell in judged:
        counts[cell.verifier, cell.version][str(cell.status)] += cell.count
    return [Verdicts(*key, dict(counts[key])) for key in sorted(counts)]


def _mix(judged: list[_Cell]) -> list[tuple[int, int, dict[str, int]]]:
    if not judged:
        return []
    batches = [cell.batch for cell in judged]
    first, last = min(batches), max(batches)
    size = -(-(last - first + 1) // MOST_COLUMNS)
    columns: dict[int, Counter[str]] = defaultdict(Counter)
    for cell in judged:
        columns[(cell.batch - first) // size][str(cell.status)] += cell.count
    starts = [(first + 1 + place * size, dict(columns[place])) for place in sorted(columns)]
    return [(start, min(start + size - 1, last + 1), counts) for start, counts in starts]


def _samples(db: sqlite3.Connection, judged: list[_Cell]) -> dict[str, list[Shown]]:
    found: dict[str, list[Shown]] = {}
    left = MOST_SAMPLES
    for verifier in sorted({cell.verifier for cell in judged}):
        picked = list(_picked([cell for cell in judged if cell.verifier == verifier]))[:left]
        left -= len(picked)
        if picked:
            found[verifier] = [_shown(label, db.execute(_ROLLOUT, (id,)).fetchone()) for label, id in picked]
    return found


_ROLLOUT = """
SELECT rollouts.*, tasks.task AS row FROM rollouts LEFT JOIN tasks ON tasks.id = rollouts.task WHERE rollouts.id = ?
"""


def _picked(judged: list[_Cell]) -> Iterator[tuple[str, str]]:
    """Labels and ids. What was trained on comes first: its groups hold right and wrong answers to one prompt."""
    seen: set[str] = set()
    for label, statuses, late in PICKS:
        found = [cell for cell in judged if cell.status in statuses]
        trained = [cell for cell in found if cell.state == "trained"] or found
        if not trained:
            continue
        id = max((c.batch, c.last) for c in trained)[1] if late else min((c.batch, c.first) for c in trained)[1]
        if id not in seen:
            seen.add(id)
            yield label, id


def _shown(label: str, row: sqlite3.Row) -> Shown:
    task = _task(row["row"])
    return Shown(
        label=label,
        id=clip(row["id"]),
        task=clip(row["task"]),
        prompt=clip(prompt_text(task.get("prompt")), PROMPT_LIMIT),
        response=clip(row["text"] or "", RESPONSE_LIMIT),
        expected=clip(as_text(task.get("reference")), REFERENCE_LIMIT),
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


def prompt_text(prompt: Any) -> str:
    """Chat messages with their roles, unless there is only one."""
    if isinstance(prompt, str) or prompt is None:
        return prompt or ""
    turns = [turn for turn in prompt if isinstance(turn, dict)] if isinstance(prompt, list) else []
    if len(turns) == 1:
        return str(turns[0].get("content"))
    return "\n\n".join(f"{turn.get('role')}: {turn.get('content')}" for turn in turns)


def as_text(value: Any) -> str:
    """Text as it is, nothing as nothing, everything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def clip(text: str, limit: int = LINE_LIMIT) -> str:
    """The text, or the beginning and the end of a long one."""
    if len(text) <= limit:
        return text
    head = limit * 2 // 3
    return f"{text[:head]}\n[... {len(text) - limit:,} characters left out ...]\n{text[head - limit :]}"
