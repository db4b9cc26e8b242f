"""Exports, read back by the libraries that they are for."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from rlvr.data.export import FORMATS, export, file_of
from rlvr.errors import UserError
from rlvr.tasks.sources import load_tasks

USER, SAYS = {"role": "user", "content": "Hi 日本"}, {"role": "assistant", "content": "Hello"}
TALK = {"id": "t", "messages": [USER, SAYS], "meta": {"recipe": "x"}}
PAIR = {"prompt": "Hi", "chosen": "Hello", "rejected": "What?"}
TASKS = [
    {"id": "1", "prompt": [USER], "verifier": "math", "reference": "72"},
    {
        "id": "2",
        "prompt": "Say a",
        "verifier": "exact",
        "reference": {"answers": ["a", "b"]},
        "params": {"ignore_case": True},
    },
]
ENDINGS = pytest.mark.parametrize("ending", ["jsonl", "parquet"])


def given(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def loaded(path: Path) -> list[dict[str, Any]]:
    from datasets import load_dataset

    kind = "json" if path.suffix == ".jsonl" else "parquet"
    return list(load_dataset(kind, data_files=str(path), split="train", cache_dir=str(path.parent / "cache")))


@ENDINGS
@pytest.mark.parametrize(
    ("to", "row", "columns"),
    [
        ("sft", TALK, {"id", "messages"}),
        ("prompt-completion", TALK, {"id", "prompt", "completion"}),
        ("dpo", PAIR, {"prompt", "chosen", "rejected"}),
        ("grpo", TASKS[0], {"id", "prompt", "verifier", "reference"}),
    ],
)
def test_columns_are_those_of_the_format(
    tmp_path: Path, ending: str, to: str, row: dict[str, Any], columns: set[str]
) -> None:
    out = tmp_path / "out" / f"x.{ending}"
    found = export(given(tmp_path, row, row), to, out)
    [first, second] = loaded(out)
    assert first == second
    assert set(first) == set(found["columns"]) == columns
    assert all(isinstance(first[name], list) for name in columns - {"id", "verifier", "reference"})


@pytest.mark.slow
def test_trl_takes_them_for_conversations(tmp_path: Path) -> None:
    """Slow to import, nothing else."""
    from trl.data_utils import is_conversational

    for to, row in (("sft", TALK), ("prompt-completion", TALK), ("dpo", PAIR), ("grpo", TASKS[0])):
        export(given(tmp_path, row), to, tmp_path / f"{to}.parquet")
        assert all(map(is_conversational, loaded(tmp_path / f"{to}.parquet"))), to


@ENDINGS
def test_tasks_come_back_as_they_were(tmp_path: Path, ending: str) -> None:
    source = given(tmp_path, *TASKS)
    export(source, "grpo", tmp_path / f"tasks.{ending}")
    back, before = load_tasks(str(tmp_path / f"tasks.{ending}")), load_tasks(str(source))
    assert [(t.id, t.verifier, t.reference, t.params) for t in back] == [
        (t.id, t.verifier, t.reference, t.params) for t in before
    ]


@ENDINGS
def test_tulus_layout_there_and_back(tmp_path: Path, ending: str) -> None:
    lower = {"instruction_id_list": ["change_case:english_lowercase"], "kwargs": [{}]}
    source = given(tmp_path, TASKS[0], {"id": "3", "prompt": [USER], "verifier": "instructions", "reference": lower})
    out = tmp_path / f"tulu.{ending}"
    export(source, "tulu-rlvr", out)
    assert {row["dataset"] for row in loaded(out)} == {"math", "ifeval"}
    tasks = load_tasks(f"tulu3-rlvr:{out}")
    assert [(t.id, t.verifier, t.source) for t in tasks] == [
        ("1", "math", "tulu3/math"),
        ("3", "instructions", "tulu3/ifeval"),
    ]
    assert json.loads(tasks[1].reference) == lower


def test_the_manifest_says_what_it_is_and_what_it_was_made_of(tmp_path: Path) -> None:
    source = given(tmp_path, TALK)
    out = tmp_path / "sft.jsonl"
    found = export(source, "sft", out)
    assert json.loads((tmp_path / "sft.jsonl.manifest.json").read_text()) == found
    assert found["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert found["made_from"]["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert (found["format"], found["rows"], found["bytes"]) == ("sft", 1, out.stat().st_size)


@pytest.mark.parametrize(
    ("to", "row", "message"),
    [
        ("sft", PAIR, r"data.jsonl: row 1: sft takes conversations, and this is a pair"),
        ("prompt-completion", {"messages": [USER]}, r"row 1: expected messages that end with the assistant's turn"),
        ("tulu-rlvr", TASKS[1], r"row 1: task 2: Tulu's layout holds math and instructions, without parameters"),
        ("csv", TALK, "format: expected one of sft, "),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, to: str, row: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        export(given(tmp_path, row), to, tmp_path / "x.jsonl")
    assert not (tmp_path / "x.jsonl").exists()


def test_parquet_never_changes_a_type(tmp_path: Path) -> None:
    """Arrow alone would make 1.0 of a 1 that stands in one column with 0.5."""
    tasks = [{"prompt": "p", "verifier": "numeric", "reference": value} for value in (1, 0.5)]
    with pytest.raises(UserError, match=r"a column holds float and int; use a name that ends in .jsonl"):
        export(given(tmp_path, *tasks), "grpo", tmp_path / "x.parquet")
    code = {
        "prompt": "p",
        "verifier": "code",
        "reference": {"inputs": [[1], [2.5]], "outputs": [1, 2.5], "fn_name": "f"},
    }
    export(given(tmp_path, code), "grpo", tmp_path / "y.parquet")
    [row] = loaded(tmp_path / "y.parquet")
    assert json.loads(row["reference"])["outputs"] == [1, 2.5]
    assert type(json.loads(row["reference"])["outputs"][0]) is int


def test_a_run_directory_stands_for_its_one_file(tmp_path: Path) -> None:
    given(tmp_path, TALK)
    (tmp_path / "rejected.jsonl").write_text("{}\n")
    (tmp_path / "rounds.jsonl").write_text("{}\n")
    assert file_of(tmp_path) == tmp_path / "data.jsonl"
    (tmp_path / "more.jsonl").write_text("{}\n")
    with pytest.raises(UserError, match=r"got data.jsonl, more.jsonl; name the file"):
        file_of(tmp_path)
    assert set(FORMATS) == {"sft", "prompt-completion", "dpo", "grpo", "tulu-rlvr"}
