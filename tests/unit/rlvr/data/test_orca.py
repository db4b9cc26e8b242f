"""Exact numbers of queries, a large teacher that sees a subset, and answers that verifiers refute."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlvr.data.make import settle
from rlvr.data.orca import Orca, OrcaConfig
from rlvr.data.orca_systems import SYSTEMS, USED
from rlvr.data.rounds import ROUNDS
from rlvr.errors import UserError

CRITICAL_15 = 37.7
"""Chi-square with fifteen degrees of freedom exceeds it once in a thousand."""

Write = Callable[..., Path]


@pytest.fixture
def settings(write: Write, teacher: dict[str, str]) -> dict[str, Any]:
    niv2 = [{"inputs": f"n{n}", "task": f"t{n % 4}"} for n in range(2000)]
    cot = [{"prompt": f"c{n}", "kind": "cot" if n % 2 else "other"} for n in range(200)]
    return {
        "collections": {
            "niv2": {"data": write("niv2.jsonl", niv2), "count": 1100, "licence": "Apache-2.0"},
            "cot": {"data": write("cot.jsonl", cot), "count": 77, "where": {"kind": "cot"}},
            "mine": {"data": write("mine.jsonl", [{"messages": [{"role": "user", "content": "m"}]}] * 3), "count": 1},
        },
        "small": teacher,
        "large": teacher | {"model": "l"},
    }


def test_numbers_are_exact(produce: Callable[..., Any], settings: dict[str, Any]) -> None:
    made = produce(Orca, lambda role, asked, request: f"{role} on {asked}", **settings)
    small, large = made.files["stage1"], made.files["stage2"]
    assert Counter(row["collection"] for row in small) == {"niv2": 1100, "cot": 77, "mine": 1}
    assert max(Counter(row["task"] for row in small if row["collection"] == "niv2").values()) <= 300
    assert all(int(row["prompt"][1:]) % 2 for row in small if row["collection"] == "cot")
    assert len({row["query"] for row in small}) == 1178
    assert len(large) == round(1178 * 0.2)
    assert {row["query"] for row in large} < {row["query"] for row in small}
    assert Counter(role for role, _ in made.asked) == {"small": 1178, "large": 236}
    assert [one["file"] for one in made.manifest["curriculum"]] == ["stage1", "stage2"]


def test_system_messages_are_drawn_evenly_from_the_collections_own(
    produce: Callable[..., Any], write: Write, teacher: dict[str, str]
) -> None:
    rows = [{"prompt": f"q{n}"} for n in range(1600)]
    one, two = ({"data": write(name, rows), "count": 1600} for name in ("one.jsonl", "two.jsonl"))
    made = produce(
        Orca, lambda *_: "x", collections={"other": one, "t0": two}, small=teacher, large=teacher, fraction_large=0
    )
    drawn = Counter(row["system"] for row in made.files["stage1"] if row["collection"] == "other")
    assert sum((drawn[name] - 100) ** 2 / 100 for name in SYSTEMS) < CRITICAL_15
    assert {row["system"] for row in made.files["stage1"] if row["collection"] == "t0"} == set(USED["t0"])
    for row in made.files["stage1"]:
        said = {turn["role"]: turn["content"] for turn in row["messages"]}
        system = {"system": SYSTEMS[row["system"]]} if row["system"] != "empty" else {}
        assert said == system | {"user": row["prompt"], "assistant": "x"}
    assert made.files["stage2"] == []


def test_answers_that_are_not_verified_are_rejected(
    produce: Callable[..., Any], write: Write, teacher: dict[str, str]
) -> None:
    rows = [{"prompt": f"{n}+1", "verifier": "math", "reference": str(n + 1)} for n in range(20)] + [{"prompt": "talk"}]
    made = produce(
        Orca,
        lambda role, asked, request: r"It is \boxed{1}." if role == "small" else rf"\boxed{{{asked}}}",
        collections={"mine": {"data": write("mine.jsonl", rows), "count": 21}},
        small=teacher,
        large=teacher,
        fraction_large=1.0,
        verify=True,
    )
    assert {row["prompt"] for row in made.files["stage1"]} == {"0+1", "talk"}
    assert len(made.files["stage2"]) == 21
    assert made.manifest["rejected"] == {"verified": 19}


def test_too_few_queries_are_an_error(produce: Callable[..., Any], settings: dict[str, Any]) -> None:
    settings["collections"]["niv2"]["count"] = 1300
    with pytest.raises(UserError, match=r"collections.niv2: expected 1,300 queries, .* yields 1,200"):
        produce(Orca, lambda *_: "x", **settings)


def test_names_are_checked(settings: dict[str, Any]) -> None:
    def error(**changed: Any) -> str:
        settings["collections"] = {"mine": {"data": "x.jsonl"} | changed}
        with pytest.raises(UserError) as caught:
            Orca(OrcaConfig.model_validate({"out": "x", **settings}))
        return str(caught.value)

    assert "collections.mine.count: required" in error()
    assert "no 'rude'" in error(count=1, systems=["rude"])


def test_there_are_sixteen_system_messages() -> None:
    assert len(set(SYSTEMS.values())) == 16


def test_a_verifier_is_given_its_parameters_and_checked_before_any_call(
    produce: Callable[..., Any], write: Write, teacher: dict[str, str]
) -> None:
    def settings(row: dict[str, Any]) -> dict[str, Any]:
        query = {"data": write("own.jsonl", [{"prompt": "Is it?", "verifier": "exact", **row}]), "count": 1}
        return {"collections": {"own": query}, "small": teacher, "large": teacher, "fraction_large": 0, "verify": True}

    asked: list[str] = []
    answer = lambda role, text, request: asked.append(text) or "YES"  # noqa: E731
    made = produce(Orca, answer, **settings({"reference": "yes", "params": {"ignore_case": True}}))
    assert len(made.files["stage1"]) == len(asked) == 1
    for wrong in ({}, {"reference": "yes", "params": {"ignore_cas": True}}, {"reference": "yes", "verifier": "exakt"}):
        with pytest.raises(UserError, match=r"own.jsonl: row 1: "):
            produce(Orca, answer, out="other", **settings(wrong))
    assert len(asked) == 1


def test_how_a_teacher_is_reached_may_change_and_what_it_answers_may_not(
    write: Write, teacher: dict[str, str], tmp_path: Path
) -> None:
    query = {"data": write("own.jsonl", [{"prompt": "Is it?"}]), "count": 1}

    def begin(**change: Any) -> None:
        sections = {"collections": {"own": query}, "small": teacher | change, "large": teacher}
        settle(Orca, OrcaConfig.model_validate({"out": tmp_path, **sections}))

    begin()
    (tmp_path / ROUNDS).write_text("{}")
    begin(url="http://elsewhere/v1", limits={"attempts": 2}, price={"input": 1.0})
    with pytest.raises(UserError, match=r"other settings \(small.extra.effort: None, now 1\)"):
        begin(extra={"effort": 1})
