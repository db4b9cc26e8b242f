"""Mixing: exact counts, nothing that depends on what else is mixed, and one form of rows."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from rlvr.data.mix import Mixture, mix, shares, take
from rlvr.errors import UserError
from rlvr.settings import load


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, size in (("a", 100), ("b", 40), ("c", 7)):
        rows = [{"prompt": f"{name}{i}", "completion": "x", "id": f"{name}{i}"} for i in range(size)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def mixture(folder: Path, seed: int = 0, **parts: dict[str, Any]) -> Mixture:
    found = {name: {"path": folder / f"{name[0]}.jsonl", **part} for name, part in parts.items()}
    return load.validate(Mixture, {"out": folder, "seed": seed, "parts": found})


def drawn(mixture: Mixture) -> dict[str, list[str]]:
    _, rows, _ = mix(mixture)
    return {name: [row["id"] for row in rows if row["mixed_from"] == name] for name in mixture.parts}


def test_fraction_count_repeat_and_all(folder: Path) -> None:
    given = mixture(folder, a={"fraction": 0.25}, b={"count": 13}, c={"repeat": 2.5}, a_all={})
    form, rows, taken = mix(given)
    found = {name: Counter(row["id"] for row in rows if row["mixed_from"] == name) for name in given.parts}
    assert form == "conversation"
    assert {name: count.total() for name, count in found.items()} == {"a": 25, "b": 13, "c": 18, "a_all": 100}
    assert max(found["a"].values()) == max(found["b"].values()) == max(found["a_all"].values()) == 1
    assert set(found["c"].values()) == {2, 3}
    assert len(found["c"]) == 7
    assert taken["c"] == {"path": str(folder / "c.jsonl"), "rows": 7, "taken": 18}
    assert sum(shares(taken).values()) == pytest.approx(1)


def test_the_seed_decides_everything(folder: Path) -> None:
    given = {"a": {"fraction": 0.5}, "b": {"count": 10}}
    assert mix(mixture(folder, **given)) == mix(mixture(folder, **given))
    assert mix(mixture(folder, **given)) != mix(mixture(folder, seed=1, **given))


def test_a_part_does_not_depend_on_the_others(folder: Path) -> None:
    alone = drawn(mixture(folder, a={"count": 20}))["a"]
    beside = drawn(mixture(folder, b={"repeat": 3.0}, a={"count": 20}))["a"]
    assert sorted(alone) == sorted(beside)


def test_two_parts_of_one_file_are_drawn_apart(folder: Path) -> None:
    found = drawn(mixture(folder, a_one={"count": 20}, a_two={"count": 20}))
    assert set(found["a_one"]) != set(found["a_two"])


def test_a_smaller_share_is_contained_in_a_larger_one() -> None:
    rows = [{"id": i} for i in range(50)]
    sizes = [take(rows, count, "a", seed=3) for count in (5, 20, 50, 70)]
    assert all(small == large[: len(small)] for small, large in pairwise(sizes))
    assert sorted(row["id"] for row in sizes[2]) == list(range(50))


def test_rows_are_well_mixed(folder: Path) -> None:
    _, rows, _ = mix(mixture(folder, a={}, b={}))
    first = sum(row["mixed_from"] == "b" for row in rows[:70])
    assert 10 <= first <= 30


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"count": 8}, r"c.jsonl: count = 8, but it has 7 rows; write repeat = 1.143"),
        ({"fraction": 1.5}, "less than or equal to 1"),
        ({"count": 3, "repeat": 2.0}, "expected one of fraction, count and repeat, got count and repeat"),
        ({"fraction": 0}, "greater than 0"),
    ],
)
def test_what_makes_no_sense_is_refused(folder: Path, part: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        mix(mixture(folder, c=part))


def test_forms_are_not_mixed(folder: Path) -> None:
    (folder / "d.jsonl").write_text('{"prompt": "p", "verifier": "exact", "reference": "a"}\n')
    with pytest.raises(UserError, match="expected rows of one form, got a: conversations, d: tasks"):
        mix(mixture(folder, a={}, d={}))
    (folder / "e.jsonl").write_text('{"prompt": "p", "completion": "a"}\n{"prompt": "p", "verifier": "exact"}\n')
    with pytest.raises(UserError, match=r"e.jsonl: its rows have several forms: conversation, task"):
        mix(mixture(folder, e={}))
