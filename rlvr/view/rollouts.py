"""Finding rollouts in a journal: by step, verifier, status, reward, text and disagreement, newest first.

The file is opened read-only. What a filter looks at is in one index of the journal, so that no token ids are read to
find a page. A search for text or for disagreement has more to read: it goes back from the newest until the page is full
or its time is up, and says how far it came. Journals without that index are read as well, only slower.
"""

import json
import re
import sqlite3
import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

PAGE = 50
"""Rollouts on a page."""
CHUNK = 2000
"""Rollouts that a long search goes through before it looks at the clock."""
SEARCH_S = 0.2
"""A long search stops after so long, and offers to go on."""
MAPPED = 1 << 31
"""Bytes of a journal that a long search reads as memory: a quarter of the time of reading page by page."""
SNIPPET = 200
"""Characters shown of a response in a list."""

Row = sqlite3.Row


def _blank(value: Any) -> Any:
    """A form sends what was left empty as an empty text."""
    return None if value == "" else value


Step = Annotated[int | None, Field(ge=-(2**63), lt=2**63), BeforeValidator(_blank)]
"""Within what SQLite can compare."""


class Filters(BaseModel):
    """What a reader asks for, as it stands in the address of the page."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    step_from: Step = None
    step_to: Step = None
    """Steps that trained on them, both ends included."""
    verifier: str = ""
    status: str = ""
    state: str = ""
    reward_from: Annotated[float | None, BeforeValidator(_blank)] = None
    reward_to: Annotated[float | None, BeforeValidator(_blank)] = None
    task: str = ""
    q: str = ""
    """Part of the response or of the prompt, whatever its case."""
    disagree: Annotated[bool, BeforeValidator(lambda value: value not in ("", "0", "false", False))] = False
    """Only from groups whose rewards differ."""
    before: str = ""
    """Only rollouts before this one: the last of the page before."""

    def address(self, **changes: Any) -> dict[str, Any]:
        """The parameters that say something, with changes."""
        given = self.model_dump(exclude_defaults=True) | changes
        return {
            name: 1 if value is True else value
            for name, value in given.items()
            if value is not None and value is not False and value != ""
        }


@dataclass(frozen=True, slots=True)
class Page:
    rows: Sequence[Row]
    """Columns of LISTED."""
    total: int | None
    """How many there are in all; None where counting would take long."""
    after: str
    """Where the next page starts, empty when there is none."""
    stopped: bool = False
    """The time was up before the page was full."""


@contextmanager
def reading(journal: Path) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write. Raises sqlite3.Error when the file is no journal."""
    db = sqlite3.connect(f"{journal.resolve().as_uri()}?mode=ro", uri=True, timeout=2.0)
    try:
        db.row_factory = sqlite3.Row
        db.text_factory = lambda data: data.decode("utf-8", "replace")
        yield db
    finally:
        db.close()


LISTED = """
SELECT id, batch, task, state, dropped, verifier, verifier_version, status, score, reward, advantage, step,
    finish, reason, extracted, substr(text, 1, ?) AS snippet FROM rollouts WHERE id = ?
"""


def search(journal: Path, filters: Filters, size: int = PAGE, seconds: float = SEARCH_S, chunk: int = CHUNK) -> Page:
    """One page. `seconds` and `chunk` bound a long search. Raises sqlite3.Error when the file is no journal."""
    with reading(journal) as db:
        where, values = _where(filters)
        if not (filters.q or filters.disagree):
            total = db.execute(f"SELECT count(*) FROM rollouts AS r WHERE {where}", values).fetchone()[0]
            ids = _ids(db, where, values, filters.before, "", size + 1)
            return _page(db, ids, size, total)
        if filters.q:
            where, values = _with_text(where, values, filters.q)
        db.execute(f"PRAGMA mmap_size = {MAPPED}")
        return _go_back(db, where, values, filters.before, size, seconds, chunk)


def _page(db: sqlite3.Connection, ids: list[str], size: int, total: int | None) -> Page:
    rows = [db.execute(LISTED, (SNIPPET, id)).fetchone() for id in ids[:size]]
    return Page(rows, total, ids[size - 1] if len(ids) > size else "")


def _go_back(
    db: sqlite3.Connection, where: str, values: list[Any], before: str, size: int, seconds: float, chunk: int
) -> Page:
    """In runs of rollouts, back from `before`."""
    deadline = time.monotonic() + seconds
    ids: list[str] = []
    while True:
        end = _step_back(db, before, chunk)
        ids += _ids(db, where, values, before, end, size + 1 - len(ids))
        if len(ids) > size or not end:
            return _page(db, ids, size, None)
        before = end
        if time.monotonic() > deadline:
            page = _page(db, ids, size, None)
            return Page(page.rows, None, end, stopped=True)


def _step_back(db: sqlite3.Connection, before: str, chunk: int) -> str:
    """The id that is a run of rollouts further back; empty when there are no more than that."""
    found = db.execute(
        "SELECT id FROM rollouts WHERE id < ? ORDER BY id DESC LIMIT 1 OFFSET ?", (before or "~", chunk - 1)
    ).fetchone()
    return str(found[0]) if found else ""


def _ids(db: sqlite3.Connection, where: str, values: list[Any], before: str, from_: str, most: int) -> list[str]:
    found = db.execute(
        f"SELECT id FROM rollouts AS r WHERE {where} AND id < ? AND id >= ? ORDER BY id DESC LIMIT ?",
        (*values, before or "~", from_, most),
    )
    return [id for [id] in found]


_DISAGREE = """
dropped IS NOT 'no_signal' AND (
    SELECT min(reward) < max(reward) FROM rollouts AS other WHERE other.id >= rtrim(r.id, '0123456789')
    AND other.id < rtrim(r.id, '0123456789') || '~'
)
"""
"""The rest of the group has the same id but for the digits at its end."""


def _where(filters: Filters) -> tuple[str, list[Any]]:
    conditions: list[tuple[str, Any]] = [
        (f"{column} {comparison} ?", value)
        for column, comparison, value in (
            ("step", ">=", filters.step_from),
            ("step", "<=", filters.step_to),
            ("reward", ">=", filters.reward_from),
            ("reward", "<=", filters.reward_to),
            ("verifier", "=", filters.verifier or None),
            ("status", "=", filters.status or None),
            ("state", "=", filters.state or None),
            ("task", "=", filters.task or None),
        )
        if value is not None
    ]
    disagree = [_DISAGREE] if filters.disagree else []
    return " AND ".join(["1", *(text for text, _ in conditions), *disagree]), [value for _, value in conditions]


_IN_PROMPT = """
EXISTS (SELECT 1 FROM tasks WHERE tasks.id = r.task AND tasks.task LIKE ? ESCAPE '\\' AND EXISTS (
    SELECT 1 FROM json_tree(tasks.task, '$.prompt') AS part
    WHERE part.atom LIKE ? ESCAPE '\\' AND part.key IS NOT 'role'))
"""
"""The first LIKE, on the task's JSON, spares most tasks the second."""


def _with_text(where: str, values: list[Any], text: str) -> tuple[str, list[Any]]:
    """Also of the prompt."""
    as_json = json.dumps(text, ensure_ascii=False)[1:-1]
    condition = f"(r.text LIKE ? ESCAPE '\\' OR {_IN_PROMPT})"
    return f"{where} AND {condition}", [*values, _like(text), _like(as_json), _like(text)]


def _like(text: str) -> str:
    return "%" + re.sub(r"([\\%_])", r"\\\1", text) + "%"


_WHOLE = """
SELECT rollouts.*, length(response_ids) / 4 AS tokens, length(prompt_ids) / 4 AS prompt_tokens, tasks.task AS row
FROM rollouts LEFT JOIN tasks ON tasks.id = rollouts.task WHERE rollouts.id = ?
"""


def rollout(journal: Path, id: str) -> Row | None:
    """Every column of one rollout, with its task's JSON in `row`."""
    with reading(journal) as db:
        found: Row | None = db.execute(_WHOLE, (id,)).fetchone()
        return found


def group_of(id: str) -> str:
    return id.rpartition("/")[0]


def group(journal: Path, name: str) -> list[Row]:
    """All rollouts of one group in order, each like that of `rollout`."""
    with reading(journal) as db:
        ids = db.execute("SELECT id FROM rollouts WHERE id >= ? AND id < ? ORDER BY id", (f"{name}/", f"{name}0"))
        return [db.execute(_WHOLE, (id,)).fetchone() for [id] in ids.fetchall()]


def neighbours(journal: Path, name: str) -> tuple[str, str]:
    """The groups before and after, empty where there is none."""
    with reading(journal) as db:
        earlier = db.execute("SELECT id FROM rollouts WHERE id < ? ORDER BY id DESC LIMIT 1", (f"{name}/",)).fetchone()
        later = db.execute("SELECT id FROM rollouts WHERE id >= ? ORDER BY id LIMIT 1", (f"{name}0",)).fetchone()
        return tuple(group_of(found[0]) if found else "" for found in (earlier, later))  # type: ignore[return-value]


def choices(journal: Path) -> tuple[list[str], list[str]]:
    """Verifiers and statuses that occur, for the filters. Each is found by a jump within an index, not by a count."""
    with reading(journal) as db:
        found = db.execute("SELECT DISTINCT verifier, status FROM rollouts WHERE status IS NOT NULL").fetchall()
    return sorted({verifier for verifier, _ in found if verifier}), sorted({status for _, status in found})


def newest(journal: Path) -> str:
    """The id of the last rollout that has been judged, empty when there is none."""
    with reading(journal) as db:
        found = db.execute("SELECT id FROM rollouts WHERE status IS NOT NULL ORDER BY id DESC LIMIT 1").fetchone()
        return str(found[0]) if found else ""


def numbers(row: Row) -> dict[str, str]:
    """What the sampler said of a response: its length, its versions, how likely it was."""
    versions, logprobs = array("i", row["versions"] or b""), array("f", row["logprobs"] or b"")
    told = {"prompt": f"{row['prompt_tokens'] or 0:,} tokens", "response": f"{row['tokens'] or 0:,} tokens"}
    if versions:
        low, high = min(versions), max(versions)
        told["weights"] = f"version {low}" if low == high else f"versions {low} to {high}"
    if logprobs:
        told["log-probability"] = f"{sum(logprobs) / len(logprobs):.4f} a token, {sum(logprobs):.2f} in all"
    return told
