"""The tools for data sets from the command line: what they write, what they say, and how they refuse."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from rlvr.commands.data import app

ITEM = "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. How many in all?"
ROWS = [
    {"id": "copy", "prompt": f"Please solve this. {ITEM}", "completion": "72"},
    {
        "id": "other",
        "prompt": "Name three rivers of Europe and say which is the longest of them.",
        "completion": "Volga",
    },
    {
        "id": "again",
        "prompt": "Name three rivers of Europe and say which one is the longest of them.",
        "completion": "V",
    },
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "train.jsonl", ROWS)
    write(tmp_path / "gsm8k.jsonl", [{"question": ITEM, "answer": "48 + 24 = 72 #### 72"}])
    write(
        tmp_path / "own.jsonl",
        [{"id": "q1", "text": "Something else that nobody has ever written down before, is it?"}],
    )
    return tmp_path


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def ids(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def run(*command: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in command])


def test_decontaminate_tells_removes_and_names_the_pairs(folder: Path) -> None:
    """The instruction that our task source adds to every question does not hide a copy."""
    files = ("--out", folder / "clean.jsonl", "--report", folder / "report.json")
    suites = ("--against", f"gsm8k:{folder / 'gsm8k.jsonl'}", "--against", folder / "own.jsonl")
    done = run("decontaminate", folder / "train.jsonl", *suites, *files)
    assert done.exit_code == 0, done.output
    assert "1 of 1 items (100.00%) are repeated by 1 rows" in done.output
    assert "0 of 1 items (0.00%)" in done.output
    assert "to remove: 1 of 3 rows" in done.output
    assert ids(folder / "clean.jsonl") == ["other", "again"]
    report = json.loads((folder / "report.json").read_text())
    [pair] = report["pairs"]
    assert (pair["item"], pair["row"], pair["id"], pair["share"]) == ("gsm8k/gsm8k/1", 1, "copy", 1.0)
    manifest = json.loads((folder / "clean.jsonl.manifest.json").read_text())
    assert manifest["decontamination"]["removed"] == 1
    assert len(manifest["decontamination"]["suites"]) == 2


@pytest.mark.parametrize(("method", "kept"), [("exact", 3), ("rouge", 2), ("minhash", 3)])
def test_dedup_keeps_the_first(folder: Path, method: str, kept: int) -> None:
    done = run("dedup", folder / "train.jsonl", "--method", method, "--out", folder / "unique.jsonl", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["kept"] == kept
    assert ids(folder / "unique.jsonl") == ["copy", "other", "again"][:kept]


def test_mix_and_export(folder: Path) -> None:
    (folder / "mix.toml").write_text(
        f'out = "{folder}/mix"\n[parts]\na = {{ path = "{folder}/train.jsonl", repeat = 2.0 }}\n'
    )
    done = run("mix", folder / "mix.toml", "parts.a.repeat=3.0")
    assert done.exit_code == 0, done.output
    assert "100.00%          9 of 3  a" in done.output
    done = run("export", folder / "mix", folder / "sft.parquet", "--to", "sft")
    assert done.exit_code == 0, done.output
    assert "sft.parquet: 9 rows, id, messages" in done.output


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("export", "train.jsonl", "x.jsonl", "--to", "csv"), "format: expected one of sft"),
        (("export", "train.jsonl", "x.txt", "--to", "sft"), "expected a file name that ends in .jsonl or .parquet"),
        (("dedup", "train.jsonl", "--method", "simhash"), "method: expected exact, rouge or minhash"),
        (("dedup", "train.jsonl", "--threshold", "1.5"), "threshold: expected a number between 0 and 1"),
        (("decontaminate", "train.jsonl", "--against", "gsm9k"), "no task source 'gsm9k'; did you mean 'gsm8k'?"),
        (("decontaminate", "train.jsonl", "--against", "own.jsonl", "--threshold", "1"), "threshold: expected a share"),
        (("decontaminate", "missing.jsonl", "--against", "own.jsonl"), "missing.jsonl: cannot be read"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_2(folder: Path, command: tuple[str, ...], message: str) -> None:
    words = [str(folder / word) if word.endswith((".jsonl", ".txt")) else word for word in command]
    done = run(*words)
    assert done.exit_code == 2
    [line] = done.output.splitlines()
    assert line.startswith("error: ")
    assert message in line
