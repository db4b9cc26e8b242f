"""Task sources: names, paths, splits; fields of the published sets; one clear line for every fault."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rlvr.tasks.base import Example, user
from rlvr.tasks.rows import SourceError
from rlvr.tasks.sources import load_examples, load_tasks, register
from verifiers import Task

GSM8K = {"question": "How many?", "answer": "2+2=4\n#### 4"}
MATH = {"problem": "Find $x$.", "solution": r"So $x = \boxed{\frac{1}{2}}$.", "level": "Level 1", "type": "Algebra"}
MBPP = {"task_id": 601, "text": "Double it.", "code": "def f(x):\n    return 2 * x", "test_list": ["assert f(1) == 2"]}
HUMANEVAL = {
    "task_id": "HumanEval/0",
    "prompt": 'def f(x):\n    """Double."""\n',
    "canonical_solution": "    return 2 * x\n",
    "test": "def check(candidate):\n    assert candidate(1) == 2\n",
    "entry_point": "f",
}
IFEVAL = {
    "key": 1000,
    "prompt": "No commas.",
    "instruction_id_list": ["punctuation:no_comma", "length_constraints:number_words"],
    "kwargs": [None, {"num_words": 3, "relation": "at least", "keyword": None}],
}
TASK = {"id": "a", "prompt": "Say hi.", "verifier": "exact", "reference": "hi"}


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def fault(source: str, **arguments: Any) -> str:
    with pytest.raises(SourceError) as caught:
        load_tasks(source, **arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_gsm8k(tmp_path: Path) -> None:
    [example] = load_examples(f"gsm8k:{write(tmp_path / 'train.jsonl', GSM8K)}")
    assert example.task.id == "gsm8k/train/1"
    assert example.task.verifier == "math"
    assert example.task.reference == "4"
    assert example.task.source == "gsm8k"
    assert example.task.prompt[0]["content"].startswith("How many?")  # type: ignore[index]
    assert "\\boxed{}" in example.task.prompt[0]["content"]  # type: ignore[index]
    assert example.gold == GSM8K["answer"]


@pytest.mark.parametrize(
    ("row", "answer"),
    [
        (MATH, r"\frac{1}{2}"),
        ({"problem": "p", "answer": "5", "solution": r"\boxed{6}"}, "5"),
        ({"problem": "p", "answer": 5}, "5"),
        ({"problem": "p", "solution": r"first \boxed{1}, then \fbox{2}"}, "2"),
        ({"problem": "p", "solution": r"is $\boxed 7$."}, "7"),
    ],
)
def test_math(tmp_path: Path, row: dict[str, Any], answer: str) -> None:
    [example] = load_examples(f"math:{write(tmp_path / 'x.jsonl', row)}")
    assert example.task.reference == answer
    assert example.gold == f"\\boxed{{{answer}}}"


def test_math_500_keeps_its_ids(tmp_path: Path) -> None:
    [task] = load_tasks(f"math-500:{write(tmp_path / 'x.jsonl', MATH | {'unique_id': 'test/1.json'})}")
    assert task.id == "math/test/1.json"


def test_mbpp_full_and_sanitized(tmp_path: Path) -> None:
    sanitized = {key: value for key, value in MBPP.items() if key != "text"} | {
        "prompt": "Double it.",
        "test_imports": ["import math"],
    }
    (tmp_path / "sanitized-mbpp.json").write_text(json.dumps([sanitized]))
    [full] = load_examples(f"mbpp:{write(tmp_path / 'mbpp.jsonl', MBPP)}")
    [checked] = load_examples(f"mbpp-sanitized:{tmp_path}")
    assert full.task.id == checked.task.id == "mbpp/601"
    assert full.task.reference == {"test_list": ["assert f(1) == 2"]}
    assert checked.task.reference == {"test_list": ["assert f(1) == 2"], "test_imports": ["import math"]}
    assert full.gold == checked.gold == f"```python\n{MBPP['code']}\n```"


def test_mbpp_shows_the_first_test_only(tmp_path: Path) -> None:
    row = MBPP | {"test_list": ["assert f(1) == 2", "assert f(2) == 4"]}
    [task] = load_tasks(f"mbpp:{write(tmp_path / 'mbpp.jsonl', row)}")
    assert "f(1) == 2" in task.prompt[0]["content"]  # type: ignore[index]
    assert "f(2) == 4" not in task.prompt[0]["content"]  # type: ignore[index]


def test_mbpp_is_split_by_task_id(tmp_path: Path) -> None:
    write(tmp_path / "mbpp.jsonl", MBPP, MBPP | {"task_id": 11}, MBPP | {"task_id": 511})
    ids = {split: [t.id for t in load_tasks(f"mbpp@{split}:{tmp_path}")] for split in ("train", "test", "all")}
    assert ids == {"train": ["mbpp/601"], "test": ["mbpp/11"], "all": ["mbpp/601", "mbpp/11", "mbpp/511"]}


def test_humaneval(tmp_path: Path) -> None:
    write(tmp_path / "example_samples.jsonl", {"completion": ""})
    write(tmp_path / "HumanEval.jsonl", HUMANEVAL)
    [example] = load_examples(f"humaneval:{tmp_path}")
    assert example.task.id == "HumanEval/0"
    assert example.task.reference == {key: HUMANEVAL[key] for key in ("prompt", "test", "entry_point")}
    assert example.gold == f"```python\n{HUMANEVAL['prompt']}{HUMANEVAL['canonical_solution']}\n```"


def test_ifeval_drops_the_nulls_of_columnar_copies(tmp_path: Path) -> None:
    [example] = load_examples(f"ifeval:{write(tmp_path / 'input_data.jsonl', IFEVAL)}")
    assert example.task.id == "ifeval/1000"
    assert example.task.reference["kwargs"] == [{}, {"num_words": 3, "relation": "at least"}]
    assert example.gold is None


def test_a_file_of_tasks(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.jsonl", TASK, TASK | {"id": 2, "source": "other", "note": "ignored"})
    first, second = load_tasks(str(path))
    assert first == Task(**TASK, source="mine.jsonl")  # type: ignore[arg-type]
    assert (second.id, second.source) == ("2", "other")


def test_parquet_may_hold_references_as_json(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rows = [TASK | {"reference": '{"answer": "hi"}'}, TASK | {"id": "b", "reference": "[1, 2]"}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "mine.parquet")
    references = [task.reference for task in load_tasks(str(tmp_path / "mine.parquet"))]
    assert references == [{"answer": "hi"}, "[1, 2]"]


def test_a_math_reference_is_its_own_gold_answer(tmp_path: Path) -> None:
    rows = [TASK | {"id": str(n), "verifier": "math", "reference": r} for n, r in enumerate(("5", {"answer": "6"}))]
    examples = load_examples(str(write(tmp_path / "mine.jsonl", *rows, TASK)))
    assert [example.gold for example in examples] == [r"\boxed{5}", r"\boxed{6}", None]


def test_a_hub_set_with_the_columns_of_a_task(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    write(tmp_path / "train.jsonl", TASK)
    [task] = load_tasks(f"hub:{tmp_path}")
    assert (task.id, task.reference) == ("a", "hi")


def test_splits_of_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", GSM8K)
    write(tmp_path / "train_socratic.jsonl", GSM8K, GSM8K)
    write(tmp_path / "test.jsonl", GSM8K, GSM8K, GSM8K)
    counts = {split: len(load_tasks(f"gsm8k:{tmp_path}", split)) for split in (None, "train", "test", "all")}
    assert counts == {None: 1, "train": 1, "test": 3, "all": 4}
    assert len(load_tasks(f"gsm8k@test:{tmp_path}")) == len(load_tasks(f"gsm8k@test:{tmp_path}", "all")) == 3
    assert len(load_tasks(f"gsm8k@test:{tmp_path}", limit=2)) == 2
    assert fault(f"gsm8k@test:{tmp_path}", split="train").endswith("names the split 'test', and 'train' is asked for")
    assert "no file of gsm8k's split 'dev'; it has test.jsonl, train.jsonl" in fault(f"gsm8k@dev:{tmp_path}")


def test_shards_of_one_split_have_ids_of_their_own(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    for shard in range(2):
        table = pyarrow.Table.from_pylist([GSM8K, GSM8K])
        parquet.write_table(table, tmp_path / f"train-0000{shard}-of-00002.parquet")
    assert [t.id for t in load_tasks(f"gsm8k:{tmp_path}")] == [f"gsm8k/train/{n}" for n in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    ("name", "row", "problem"),
    [
        ("gsm8k", {"question": "q"}, "no column 'answer'; expected question, answer; got question"),
        (
            "gsm8k",
            {"question": "q", "answer": "4"},
            "column answer: expected a solution that ends in '#### N'; got '4'",
        ),
        ("gsm8k", {"question": 3, "answer": "#### 4"}, "column question: expected a valid string; got 3"),
        ("math", {"problem": "p", "answer": None}, "expected `answer`, or a `solution` with the answer in \\boxed{}"),
        ("math", {"problem": "p", "solution": r"\boxed{1"}, "expected `answer`, or a `solution`"),
        ("mbpp", MBPP | {"test_list": []}, "column test_list: List should have at least 1 item"),
        ("mbpp", {"task_id": 1, "code": "", "test_list": ["assert 1"]}, "no column 'text'"),
        ("humaneval", MBPP, "no column 'prompt'; expected task_id, prompt, canonical_solution, test, entry_point"),
        ("ifeval", IFEVAL | {"kwargs": []}, "expected as many kwargs as instruction_id_list has, got 2 and 0"),
        ("ifeval", IFEVAL | {"instruction_id_list": ["no:such", "punctuation:no_comma"]}, "instructions: reference: "),
    ],
)
def test_a_row_of_the_wrong_shape(tmp_path: Path, name: str, row: dict[str, Any], problem: str) -> None:
    path = write(tmp_path / "x.jsonl", row)
    assert fault(f"{name}:{path}").startswith(f"{path}: row 1: {problem}")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (TASK, "id 'a' is taken by {path}: row 1; ids must differ"),
        (TASK | {"id": "b", "verifier": "exakt"}, "no verifier named 'exakt'; did you mean 'exact'?"),
        (TASK | {"id": "b", "reference": {"answers": 3}}, "exact: reference: "),
        (TASK | {"id": "b", "params": {"colour": 3}}, "exact: params: colour: Extra inputs are not permitted"),
        ({"id": "b"}, "no column 'prompt'; expected id, prompt, verifier; got id"),
    ],
)
def test_a_bad_task_stops_the_load(tmp_path: Path, row: dict[str, Any], problem: str) -> None:
    path = write(tmp_path / "x.jsonl", TASK, row)
    assert fault(str(path)).startswith(f"{path}: row 2: {problem.format(path=path)}")


def test_unknown_names_and_missing_files(tmp_path: Path) -> None:
    assert fault("gsm9k").startswith("no task source 'gsm9k'; did you mean 'gsm8k'? Known: gsm8k, ")
    assert fault("gsm8k@").startswith("no task source 'gsm8k@'")
    assert fault(f"{tmp_path}/no.jsonl") == f"{tmp_path}/no.jsonl: cannot be read: No such file or directory"
    assert fault(f"gsm8k@test:{tmp_path}/no") == f"{tmp_path}/no: cannot be read: No such file or directory"
    assert fault(f"gsm8k:{tmp_path}/no.jsonl") == f"{tmp_path}/no.jsonl: cannot be read: No such file or directory"
    assert fault(f"gsm8k:{tmp_path}") == f"{tmp_path}: no file of gsm8k's split 'train'; it has no data file"
    assert fault("hub:") == "hub: expected hub:ORG/NAME"
    path = write(tmp_path / "x.jsonl", GSM8K)
    assert fault(f"gsm8k@test:{path}") == f"{path}: gsm8k cannot split one file; name the file of 'test', or its folder"
    assert fault(f"mbpp@test:{write(tmp_path / 'm.jsonl', MBPP)}").endswith("m.jsonl: no tasks in split 'test'")


@dataclass(frozen=True)
class Counted:
    """A source of a user's own."""

    name: str = "counted"
    about: str = "numbers"

    def examples(self, where: str, split: str | None) -> Iterator[Example]:
        for number in range(int(where)):
            yield Example(Task(id=f"{split}/{number}", prompt=user("?"), verifier="exact", reference=str(number)))


def test_sources_can_be_registered() -> None:
    register(Counted())
    assert [task.id for task in load_tasks("counted@train:5", limit=2)] == ["train/0", "train/1"]
    with pytest.raises(ValueError, match="'counted' is registered already"):
        register(Counted(about="others"))
