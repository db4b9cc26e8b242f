"""Write instruction data in the formats that trainers read: TRL's for SFT, DPO and GRPO, and Tulu's RLVR layout.

A file is JSONL or Parquet (zstd), by its ending. Beside it stands a manifest: what the file holds, its digest, and the
digest of what it was made from. Parquet holds one type a column, so there an object (a reference, parameters) is JSON
text, as our own task files have it. Leaves out: uploading.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from rlvr.data.forms import KEYS, Form, Row, read
from rlvr.errors import UserError
from rlvr.tasks.tulu3 import row_of
from verifiers import Task


def _completion(row: Row) -> Row:
    """The last assistant's turn is the completion, everything before it the prompt."""
    messages = row["messages"]
    if messages[-1]["role"] != "assistant" or len(messages) < 2:
        raise ValueError("expected messages that end with the assistant's turn")
    return {"prompt": messages[:-1], "completion": messages[-1:]}


def _columns(form: Form) -> Callable[[Row], Row]:
    return lambda row: {key: row[key] for key in KEYS[form] if row.get(key) is not None}


def _tulu(row: Row) -> Row:
    fields = {key: row.get(key) for key in ("prompt", "verifier", "reference", "params")}
    return row_of(Task(id=str(row.get("id", "")), **fields))


FORMATS: dict[str, tuple[Form, Callable[[Row], Row]]] = {
    "sft": ("conversation", _columns("conversation")),
    "prompt-completion": ("conversation", _completion),
    "dpo": ("pair", _columns("pair")),
    "grpo": ("task", _columns("task")),
    "tulu-rlvr": ("task", _tulu),
}
"""Format -> the form of rows that it takes, and what becomes of a row. All keep `id` and `source`."""


def export(source: Path, to: str, out: Path) -> dict[str, Any]:
    """Read a file, or a recipe's run directory with one, write `out` and its manifest, which is returned.

    Raises UserError: an unknown format, rows of another form, or what Parquet cannot hold.
    """
    if to not in FORMATS:
        raise UserError(f"format: expected one of {', '.join(FORMATS)}; got {to!r}")
    path = file_of(source)
    form, convert = FORMATS[to]
    rows = [_converted(path, number, found, form, convert, to) for number, found in enumerate(read(path), start=1)]
    write(out, rows)
    return manifest(out, rows, format=to, made_from={"path": str(path), "sha256": sha256(path)})


def _converted(
    path: Path, number: int, found: tuple[Form, Row], form: Form, convert: Callable[[Row], Row], to: str
) -> Row:
    mine, row = found
    if mine != form:
        raise UserError(f"{path}: row {number}: {to} takes {form}s, and this is a {mine}")
    try:
        return {key: row[key] for key in ("id", "source") if row.get(key)} | convert(row)
    except ValueError as error:
        raise UserError(f"{path}: row {number}: {error}") from None


def file_of(source: Path) -> Path:
    """The file itself, or the one of a run directory. Raises UserError when there are several."""
    if not source.is_dir():
        return source
    found = sorted(path for path in source.glob("*.jsonl") if path.stem not in ("rounds", "rejected", "responses"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise UserError(f"{source}: expected one data file in this folder, got {names}; name the file")
    return found[0]


def write(out: Path, rows: Sequence[Row]) -> None:
    """JSONL or Parquet by the ending; whole, or not at all. Raises UserError."""
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.with_name(f".{out.name}.part")
    if out.suffix == ".jsonl":
        aside.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    elif out.suffix == ".parquet":
        _write_parquet(aside, out, rows)
    else:
        raise UserError(f"{out}: expected a file name that ends in .jsonl or .parquet")
    aside.replace(out)


def _write_parquet(path: Path, out: Path, rows: Sequence[Row]) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    names = list(dict.fromkeys(key for row in rows for key in row))
    try:
        table = pa.table({name: _column([row.get(name) for row in rows]) for name in names})
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError) as error:
        raise UserError(f"{out}: cannot be written as Parquet: {error}; use a name that ends in .jsonl") from None
    pyarrow.parquet.write_table(table, path, compression="zstd")


def _column(values: Sequence[Any]) -> Any:
    """One type for all: Arrow would turn a 1 beside a 0.5 into 1.0, and a reference is judged by its types."""
    import pyarrow as pa

    cells = [json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value for value in values]
    if all(cell is None or _is_chat(cell) for cell in cells):
        return pa.array(cells, pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())])))
    kinds = {_kind(cell) for cell in cells if cell is not None}
    if len(kinds) > 1:
        raise TypeError(f"a column holds {' and '.join(sorted(kinds))}")
    return pa.array(cells)


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return " and ".join(sorted({f"lists of {type(item).__name__}" for item in value})) or "lists of str"
    return type(value).__name__


def _is_chat(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(turn, dict) and turn.keys() == {"role", "content"} for turn in value
    )


def manifest(out: Path, rows: Iterable[Row], **about: Any) -> dict[str, Any]:
    """What stands beside a written file, in `NAME.manifest.json`."""
    rows = list(rows)
    found = {
        **about,
        "file": out.name,
        "rows": len(rows),
        "columns": list(dict.fromkeys(key for row in rows for key in row)),
        "bytes": out.stat().st_size,
        "sha256": sha256(out),
    }
    path = out.with_name(f"{out.name}.manifest.json")
    path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    return found


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
