"""What benches of whole runs read in a run directory, also while the run goes on."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


def ask(run: Path, query: str) -> list[tuple[Any, ...]]:
    """The journal's rows; none before there is a journal."""
    journal = run / "journal.sqlite"
    if not journal.exists():
        return []
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True, timeout=30)) as db:
        try:
            return list(db.execute(query))
        except sqlite3.OperationalError:  # it is just being made
            return []


def step(run: Path) -> int:
    """The last that is journaled, or 0."""
    found = ask(run, "SELECT max(step) FROM steps")
    return int(found[0][0] or 0) if found else 0


def metrics(run: Path) -> list[dict[str, Any]]:
    """Of each step."""
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def accuracy(run: Path) -> float:
    """Of the last validation."""
    return float(next(row["validation/accuracy"] for row in reversed(metrics(run)) if "validation/accuracy" in row))
