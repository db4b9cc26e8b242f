"""Six operations with equal chances, four rounds, four rules of elimination, and lineages that can be followed."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from rlvr.data.evol_instruct import (
    OPERATIONS,
    EvolConfig,
    EvolInstruct,
    copies_prompt,
    evolution,
    is_apology,
    says_nothing,
)
from rlvr.data.recipe import Done
from rlvr.data.record import Record
from rlvr.data.request import Request

CRITICAL_5 = 20.5
"""Chi-square with five degrees of freedom exceeds it once in a thousand."""

Rows = list[dict[str, Any]]


@pytest.mark.parametrize(
    ("instruction", "copies"),
    [
        ("Rewrite the #Given Prompt# in French", True),
        ("Here is the rewritten prompt: ...", True),
        ("Created prompt: sing", True),
        ("Give a prompt reply", False),
        ("Invent a new prompt for a shell", False),
        ("Write a letter to a friend", False),
    ],
)
def test_words_of_the_request_eliminate(instruction: str, copies: bool) -> None:
    assert copies_prompt(instruction) == copies


@pytest.mark.parametrize(
    ("output", "apology"),
    [("Sorry, I cannot.", True), ("sorry " + "x " * 78, True), ("sorry " + "x " * 79, False), ("I can do it.", False)],
)
def test_a_short_apology_eliminates(output: str, apology: bool) -> None:
    assert is_apology(output) == apology


@pytest.mark.parametrize(
    ("output", "nothing"),
    [("", True), ("... !?", True), ("It is what it is.", True), ("It is 7.", False), ("Да", False)],
)
def test_an_answer_that_says_nothing_eliminates(output: str, nothing: bool) -> None:
    assert says_nothing(output) == nothing


def test_operations_are_equally_likely(write: Callable[[str, Rows], Path], teacher: dict[str, str]) -> None:
    seeds = write("seeds.jsonl", [{"instruction": f"Say {n}.", "output": "x"} for n in range(6000)])
    recipe = EvolInstruct(EvolConfig.model_validate({"out": "x", "seeds": seeds, "teacher": teacher}))
    done = Done()
    done.add([Record({"instruction": "x", "lineage": str(n), "depth": 0}, id=str(n)) for n in range(6000)])
    drawn = Counter(record.operation for record in recipe.round(done)[0].apply([], Random(0)))  # type: ignore[arg-type, union-attr]
    assert set(drawn) == set(OPERATIONS)
    assert sum((count - 1000) ** 2 / 1000 for count in drawn.values()) < CRITICAL_5


def test_lineages_of_one_prompt_are_sampled_apart(
    produce: Callable[..., Any], write: Callable[[str, Rows], Path], teacher: dict[str, str]
) -> None:
    seeds = write("seeds.jsonl", [{"instruction": "Say it.", "id": name} for name in "abc"])

    def answer(role: str, asked: str, request: Request) -> str:
        return f"It is said {request.sample} times." if asked == "Say it." else "Equal"

    made = produce(EvolInstruct, answer, seeds=seeds, teacher=teacher, rounds=1)
    assert len({row["output"] for row in made.files["dataset"]}) == 3


def fate(role: str, asked: str, request: Request) -> str:
    """A teacher for seeds that say what is to become of them."""
    if asked.startswith("Compare"):
        return "Equal" if "Do same" in asked else "Different"
    if not asked.startswith(("You make", "You invent")):
        return "Sorry, no." if "apology" in asked else "of the" if "nothing" in asked else f"Answer to {asked}"
    prompt = asked.rsplit("Prompt:\n", 1)[1].partition("\n\nResult:")[0]
    return f"Rewritten prompt: {prompt}" if "copy" in prompt else f"{prompt} and more"


def test_each_rule_both_ways(produce: Callable[..., Any], write: Callable[..., Path], teacher: dict[str, str]) -> None:
    fates = ("good", "same", "copy", "apology", "nothing")
    seeds = write("seeds.jsonl", [{"instruction": f"Do {one}", "output": "x", "id": one} for one in fates])
    made = produce(EvolInstruct, fate, seeds=seeds, teacher=teacher, rounds=2)
    gone = {(row["lineage"], row["meta"]["rejected"]) for row in made.files["rejected"]}
    assert gone == {
        ("same", "says more than its parent"),
        ("copy", "copies no words of the request"),
        ("apology", "no apology"),
        ("nothing", "says something"),
    }
    evolved = {row["instruction"]: row["depth"] for row in made.files["dataset"] if row["depth"]}
    assert evolved == {"Do good and more": 1, "Do good and more and more": 2}
    # What is eliminated evolves again from where it stood.
    assert Counter(row["lineage"] for row in made.files["rejected"]) == dict.fromkeys(fates[1:], 2)
    assert {row["parent"] for row in made.files["rejected"]} == {f"Do {one}" for one in fates[1:]}


def test_lineages_can_be_followed(
    produce: Callable[..., Any], write: Callable[..., Path], teacher: dict[str, str]
) -> None:
    seeds = write("seeds.jsonl", [{"instruction": f"Do good {n}", "input": "it"} for n in range(20)])
    made = produce(EvolInstruct, fate, seeds=seeds, teacher=teacher)
    rows = {row["id"]: row for row in made.files["dataset"]}
    assert len(rows) == 20 * 5
    for row in rows.values():
        parents = row["meta"]["parents"]
        assert len(parents) == (row["depth"] > 0)
        assert all(rows[parent]["depth"] == row["depth"] - 1 for parent in parents)
        assert row["meta"]["operation"] in (OPERATIONS if parents else ("",))
        assert row["messages"][1]["content"] == f"Answer to {row['instruction']}"
    assert Counter(row["depth"] for row in rows.values()) == dict.fromkeys(range(5), 20)


def test_more_rounds_go_on_from_there(
    produce: Callable[..., Any], write: Callable[..., Path], teacher: dict[str, str]
) -> None:
    seeds = write("seeds.jsonl", [{"instruction": "Do good", "output": "x"}])
    short = produce(EvolInstruct, fate, seeds=seeds, teacher=teacher, rounds=2)
    longer = produce(EvolInstruct, fate, seeds=seeds, teacher=teacher, rounds=4)
    whole = produce(EvolInstruct, fate, "whole", seeds=seeds, teacher=teacher, rounds=4)
    assert short.asked + longer.asked == whole.asked
    assert longer.files == whole.files


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_shows_the_prompt(operation: str) -> None:
    asked = evolution(operation, "Sing {x} a song.", 13, "a table")
    assert "Sing {x} a song." in asked
    assert ("13 words" in asked) == (operation != "in breadth")
