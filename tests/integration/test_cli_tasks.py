"""`rlvr tasks` from end to end: real verifiers, the real sandbox, small files."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rlvr.commands.tasks import app

GSM8K = [{"question": f"{n} + {n}?", "answer": f"{n}+{n}={2 * n}\n#### {2 * n}"} for n in (7, 60, 1200)]
MBPP = [
    {
        "task_id": 601,
        "text": "Double it.",
        "code": "def twice(x):\n    return 2 * x",
        "test_list": ["assert twice(3) == 6"],
    },
    {"task_id": 602, "text": "Add one.", "code": "def inc(x):\n    return x + 1", "test_list": ["assert inc(3) == 4"]},
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.stdout, result.stderr


def test_list_names_every_source() -> None:
    code, out, _ = run("list")
    assert code == 0
    assert {line.split()[0] for line in out.splitlines()} >= {
        "gsm8k",
        "math",
        "mbpp",
        "humaneval",
        "ifeval",
        "hub",
        "file",
    }
    assert set(json.loads(run("list", "--json")[1])) == {line.split()[0] for line in out.splitlines()}


def test_show_prints_prompts_references_and_golds(tmp_path: Path) -> None:
    source = f"gsm8k:{write(tmp_path / 'train.jsonl', GSM8K)}"
    code, out, _ = run("show", source, "-n", "2")
    assert code == 0
    assert "gsm8k/train/2" in out
    assert "gsm8k/train/3" not in out
    assert "60 + 60?" in out
    assert 'reference: "120"' in out
    assert json.loads(run("show", source, "-n", "1", "--json")[1])["id"] == "gsm8k/train/1"


def test_check_of_a_good_math_source(tmp_path: Path) -> None:
    code, out, _ = run("check", f"gsm8k:{write(tmp_path / 'train.jsonl', GSM8K)}")
    assert code == 0
    assert "golds correct 3 of 3\n" in out
    assert "corrupted rejected 12 of 12\n" in out


def test_check_of_a_good_code_source(tmp_path: Path) -> None:
    code, out, _ = run("check", f"mbpp:{write(tmp_path / 'mbpp.jsonl', MBPP)}", "--json")
    report = json.loads(out)
    assert report["failures"] == []
    assert code == 0
    assert report["kinds"] == {
        kind: [2, 2] for kind in ("gold", "empty", "syntax error", "exits at once", "returns None", "another row's")
    }


def test_check_finds_the_row_whose_solution_is_wrong(tmp_path: Path) -> None:
    wrong = MBPP[1] | {"code": "def inc(x):\n    return x + 2"}
    path = write(tmp_path / "mbpp.jsonl", [MBPP[0], wrong])
    code, out, _ = run("check", f"mbpp:{path}")
    assert code == 1
    assert "golds correct 1 of 2\n" in out
    assert f"{path}: row 2 (mbpp/602): gold is incorrect: " in out


def test_check_of_tasks_without_gold_responses(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.jsonl", [{"id": "a", "prompt": "Say hi.", "verifier": "exact", "reference": "hi"}])
    code, out, _ = run("check", str(path))
    assert code == 0
    assert "no gold response: shape checked only, 1 of 1 tasks" in out


@pytest.mark.parametrize("command", ["check", "show"])
@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (
            [{"id": "a", "prompt": "?", "verifier": "mth", "reference": "4"}],
            "row 1: no verifier named 'mth'; did you mean 'math'?",
        ),
        ([{"id": "a", "prompt": "?", "verifier": "math", "reference": ["x", {}]}], "row 1: math: reference: "),
        ([], "no rows"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    tmp_path: Path, command: str, rows: list[dict[str, Any]], problem: str
) -> None:
    path = write(tmp_path / "mine.jsonl", rows)
    code, out, err = run(command, str(path))
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {path}: {problem}")
    assert err.count("\n") == 1
