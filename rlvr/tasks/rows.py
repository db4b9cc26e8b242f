"""Rows out of files and the hub, each with its number. A file is read whole before its first row is given out."""

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from rlvr.errors import UserError

KINDS = (".jsonl", ".ndjson", ".json", ".parquet")

SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
"""Half of a character, in JSON; two of them are one."""

NumberedRow = tuple[int, Mapping[str, Any]]


class SourceError(UserError):
    """A task source is missing, cannot be read, or has a row of the wrong shape. One line, with file and row."""


def is_data(path: Path) -> bool:
    return path.is_file() and _kind(path) in KINDS


def short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def from_file(path: Path) -> Iterator[NumberedRow]:
    """Rows of a JSONL, JSON (an array, or lines) or Parquet file, gzipped or not. In JSONL a row's number is its line.

    Raises SourceError.
    """
    if _kind(path) not in KINDS:
        raise SourceError(f"{path}: expected a file ending in {', '.join(KINDS)} (or .gz of these)")
    try:
        found = _parquet(path) if _kind(path) == ".parquet" else _json(path, _text(path))
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (UnicodeDecodeError, EOFError) as error:
        raise SourceError(f"{path}: cannot be read: {error}") from None
    if not found:
        raise SourceError(f"{path}: no rows")
    yield from found


def from_hub(path: str, config: str | None, split: str, instead: str) -> Iterator[NumberedRow]:
    """Rows of a hub data set; `instead` is what a user without network can write. Raises SourceError."""
    try:
        import datasets
    except ImportError:
        raise SourceError(f"{path}: reading from the hub needs `pip install 'rlvr[train]'`") from None
    try:
        with _offline_when_unreachable(datasets.config):
            data = datasets.load_dataset(path, config, split=split)
    except (OSError, ValueError, httpx.HTTPError) as error:
        reason = " ".join(str(error).split())
        raise SourceError(f"{path}: not read from the hub ({_clipped(reason)}); a local copy: {instead}") from None
    yield from enumerate((without_nulls(row) for row in data), start=1)


@contextmanager
def _offline_when_unreachable(config: Any) -> Iterator[None]:
    """Without the hub, `datasets` would retry for 25 seconds before it looks into its cache."""
    before = config.HF_HUB_OFFLINE
    try:
        httpx.head(config.HF_ENDPOINT, timeout=5.0)
    except httpx.TransportError:
        config.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        config.HF_HUB_OFFLINE = before


def _clipped(text: str) -> str:
    return text if len(text) <= 120 else text[:117] + "..."


def without_nulls(value: Any) -> Any:
    """Columnar files give every struct the keys of all rows; those that a row did not have are null."""
    if isinstance(value, Mapping):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def _kind(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).suffix.lower()


def _text(path: Path) -> str:
    raw = path.read_bytes()
    return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig")


def _parquet(path: Path) -> list[NumberedRow]:
    try:
        import pyarrow.parquet
    except ImportError:
        raise SourceError(f"{path}: reading Parquet needs `pip install 'rlvr[train]'`") from None
    try:
        table = pyarrow.parquet.read_table(path)
    except pyarrow.ArrowInvalid as error:
        raise SourceError(f"{path}: not valid Parquet: {error}") from None
    return list(enumerate(map(without_nulls, table.to_pylist()), start=1))


def _json(path: Path, text: str) -> list[NumberedRow]:
    found = _parsed(path, text)
    if SURROGATE.search(text):
        _check_characters(path, found)
    return found


def _parsed(path: Path, text: str) -> list[NumberedRow]:
    if _kind(path) == ".json":
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            if error.msg != "Extra data":  # several documents: lines, as many `.json` files on the hub are
                raise SourceError(f"{path}: not valid JSON: {error}") from None
        else:
            numbered = enumerate(values if isinstance(values, list) else [values], start=1)
            return [(number, _object(path, number, value)) for number, value in numbered]
    lines = enumerate(text.split("\n"), start=1)
    return [(number, _line(path, number, line)) for number, line in lines if line.strip()]


def _line(path: Path, number: int, line: str) -> Mapping[str, Any]:
    try:
        return _object(path, number, json.loads(line))
    except json.JSONDecodeError as error:
        raise SourceError(f"{path}: row {number}: not valid JSON: {error.msg} at column {error.colno}") from None


def _object(path: Path, number: int, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise SourceError(f"{path}: row {number}: expected an object, got {short(value)}")
    return value


def _check_characters(path: Path, found: list[NumberedRow]) -> None:
    """JSON can escape half of a character, which no file can hold and no teacher be sent."""
    for number, row in found:
        try:
            json.dumps(row, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            half = error.object[error.start].encode("unicode_escape").decode()
            raise SourceError(
                f"{path}: row {number}: expected whole characters, got half of one ({half}); mend or drop the row"
            ) from None
