"""Rows that are tasks already: `{id, prompt, verifier, reference, params?, source?}` in any file or hub data set."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlvr.tasks import rows
from rlvr.tasks.base import Example, Row, parse
from verifiers.base import Task


class TaskRow(Row):
    id: str | int
    prompt: str | list[dict[str, Any]]
    verifier: str
    reference: Any = None
    params: dict[str, Any] | None = None
    source: str | None = None


@dataclass(frozen=True)
class TaskFile:
    """A JSONL, JSON or Parquet file of tasks."""

    name: str = "file"
    about: str = "PATH of a JSONL or Parquet file with one task a row"

    def examples(self, where: str, split: str | None = None) -> Iterator[Example]:
        path = Path(where).expanduser()
        if split not in (None, "all"):
            raise rows.SourceError(f"{path}: a file of tasks has no split {split!r}")
        for number, values in rows.from_file(path):
            yield example(values, path.name, f"{path}: row {number}")


@dataclass(frozen=True)
class TaskHub:
    """Any hub data set that has a task's columns."""

    name: str = "hub"
    about: str = "hub:ORG/NAME, a hub data set with one task a row"

    def examples(self, where: str, split: str | None = None) -> Iterator[Example]:
        part = "train" if split is None else split
        for number, values in rows.from_hub(where, None, part, "PATH of a JSONL or Parquet file"):
            yield example(values, where, f"{where} {part}: row {number}")


def example(values: Mapping[str, Any], source: str, where: str) -> Example:
    row = parse(TaskRow, {key: _decoded(key, value) for key, value in values.items()}, where)
    fields = row.model_dump() | {"id": str(row.id), "source": row.source or source}
    return Example(Task(**fields), gold(row.verifier, row.reference), where)


def gold(verifier: str, reference: Any) -> str | None:
    """Only a math reference says what a right response is; tests and constraints do not."""
    if verifier != "math":
        return None
    answer = reference.get("answer") if isinstance(reference, Mapping) else reference
    return f"\\boxed{{{answer}}}" if isinstance(answer, str | int | float) else None


def _decoded(key: str, value: Any) -> Any:
    """Columnar files often hold objects of mixed shape as JSON text. `[1, 2]` stays text: it may be an interval."""
    if key not in ("reference", "params", "prompt") or not isinstance(value, str):
        return value
    try:
        decoded = json.loads(value)
    except json.JSONDecodeError:
        return value
    is_chat = key == "prompt" and isinstance(decoded, list) and all(isinstance(turn, dict) for turn in decoded)
    return decoded if isinstance(decoded, dict) or is_chat else value
