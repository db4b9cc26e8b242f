"""Rows out of files: every format, and one clear line for every way a file can be wrong."""

import gzip
import json
from pathlib import Path

import pytest

from rlvr.tasks.rows import SourceError, from_file, from_hub

ROWS = [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rows.jsonl", '{"a": 1}\n{"a": 2}\n'),
        ("rows.json", '[{"a": 1}, {"a": 2}]'),
        ("lines.json", '{"a": 1}\n{"a": 2}\n'),
        ("bom.jsonl", '\ufeff{"a": 1}\n{"a": 2}'),
        ("crlf.jsonl", '{"a": 1}\r\n{"a": 2}\r\n'),
    ],
)
def test_json_formats(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_bytes(text.encode())
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
    assert list(from_file(tmp_path / name)) == list(enumerate(ROWS, start=1))
    assert list(from_file(tmp_path / f"{name}.gz")) == list(enumerate(ROWS, start=1))


def test_parquet_structs_lose_the_keys_they_never_had(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rows = [{"r": {"x": 1}}, {"r": {"y": [None, {"z": None}]}}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "rows.parquet")
    assert [row for _, row in from_file(tmp_path / "rows.parquet")] == [{"r": {"x": 1}}, {"r": {"y": [None, {}]}}]


def test_a_number_is_the_line_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('\n{"a": 1}\n\n{"a": "\u2028"}\n')
    assert list(from_file(tmp_path / "rows.jsonl")) == [(2, {"a": 1}), (4, {"a": "\u2028"})]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.jsonl", None, "missing.jsonl: cannot be read: No such file or directory"),
        ("empty.jsonl", b"\n", "empty.jsonl: no rows"),
        ("empty.json", b"[]", "empty.json: no rows"),
        ("a.jsonl", b'{"a": 1}\n{"a": \n', "a.jsonl: row 2: not valid JSON: Expecting value at column 7"),
        ("a.json", b"[1, ", "a.json: not valid JSON: Expecting value: line 1 column 5 (char 4)"),
        ("a.jsonl", b"[1]\n", "a.jsonl: row 1: expected an object, got [1]"),
        ("a.json", b'[{"a": 1}, 2]', "a.json: row 2: expected an object, got 2"),
        ("a.csv", b"a\n1\n", "a.csv: expected a file ending in .jsonl, .ndjson, .json, .parquet (or .gz of these)"),
        ("a.jsonl.gz", b"plain", "a.jsonl.gz: cannot be read: Not a gzipped file (b'pl')"),
        ("a.jsonl", b'"\xff"', "a.jsonl: cannot be read: 'utf-8' codec can't decode byte 0xff in position 1"),
        ("a.parquet", b"no", "a.parquet: not valid Parquet: "),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError) as caught:
        list(from_file(tmp_path / name))
    assert str(caught.value).startswith(f"{tmp_path}/{message}")
    assert "\n" not in str(caught.value)


def test_nothing_is_given_out_of_a_file_with_a_bad_row(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(ROWS[0]) + "\nx\n")
    with pytest.raises(SourceError):
        next(from_file(tmp_path / "a.jsonl"))


def test_a_hub_set_that_is_not_there_is_one_line() -> None:
    pytest.importorskip("datasets")
    with pytest.raises(SourceError) as caught:
        list(from_hub("nobody-at-all/no-such-set", None, "train", "gsm8k:PATH"))
    assert str(caught.value).startswith("nobody-at-all/no-such-set: not read from the hub (")
    assert str(caught.value).endswith("; a local copy: gsm8k:PATH")
    assert "\n" not in str(caught.value)


def test_half_a_character_is_refused(tmp_path: Path) -> None:
    """Two halves are a whole one."""
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": "\\ud83d\\ude42"}\n{"a": ["b", {"c": "red \\ud83d"}]}\n')
    with pytest.raises(SourceError, match=r"rows.jsonl: row 2: expected whole characters, got half of one \(.ud83d\)"):
        list(from_file(path))
    path.write_text(path.read_text().splitlines()[0])
    assert list(from_file(path)) == [(1, {"a": "🙂"})]
