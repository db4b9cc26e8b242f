"""What the recorded runs cannot show: the filters at their very limits, and examples of every form."""

import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from rlvr.data.novelty import Known, suitable
from rlvr.data.record import Record
from rlvr.data.request import Reply, Request
from rlvr.data.seeds import Instance
from rlvr.data.self_instruct import UNSUITABLE, SelfInstruct
from rlvr.data.self_instruct_examples import encode, judge, labelled, worked

TEN = "one two three four five six seven eight nine ten"


def verdict(known: str, task: str, threshold: float = 0.7) -> Record:
    [judged] = Known([known]).judge([Record({"instruction": task})], threshold)
    return judged


def test_a_similarity_of_exactly_the_threshold_is_kept() -> None:
    judged = verdict(TEN, "one two three four five six seven x y z")
    assert judged.checks[0].value == 0.7
    assert judged.rejected is None


def test_more_than_the_threshold_is_dropped() -> None:
    assert verdict(TEN, "one two three four five six seven eight y z").rejected == "similarity"


def test_words_are_not_stemmed() -> None:
    assert verdict("runs jumps plays walks", "running jumping playing walking").checks[0].value == 0.0


def test_what_was_kept_just_now_counts() -> None:
    records = [Record({"instruction": TEN}), Record({"instruction": TEN}), Record({"instruction": "else"})]
    assert [one.rejected for one in Known([]).judge(records, 0.7)] == [None, "similarity", None]


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ("Only three words", "words"),
        ("Now there are four", None),
        ("w " * 150, None),
        ("w " * 151, "words"),
        ("Describe the picture of it", "suitable for text"),
        ("Describe the pictured old man", None),
        ("Then go to the shop", "suitable for text"),
        ("Mapping the words of it", None),
        ("Write a program that counts", "no program"),
        ("Write a programme for me", "no program"),
        ("Please write a program now", None),
        ("'Quoted task' needs an answer", "starts with no punctuation"),
        ("Über den Wolken ist es", "starts with ASCII"),
    ],
)
def test_rules_of_form(task: str, reason: str | None) -> None:
    assert suitable(Record({"instruction": task.strip()}), (4, 150), UNSUITABLE).rejected == reason


@pytest.mark.parametrize(
    ("completion", "found"),
    [
        ("Example 1\nInput: a\nOutput: b\nExample 2\nInput: c\nOutput 2: d", [("a", "b"), ("c", "d")]),
        ("Example 1\nList: a, b\nOutput: b", [("List: a, b", "b")]),
        ("Output: alone", [("", "alone")]),
        ("Input: x\nOutput: y\nInput: z\nOutput: w", [("x", "y")]),
        ("nothing of the kind", []),
        ("Example 1\nno output", [("", "no output")]),
    ],
)
def test_examples_input_first(completion: str, found: list[tuple[str, str]]) -> None:
    assert worked(completion) == [Instance(*one) for one in found]


def test_examples_label_first() -> None:
    found = labelled("talk Class label: yes\nText: a\nb\nClass label: no")
    assert found == [Instance("Text: a\nb", "yes"), Instance("", "no")]


def judged(*examples: tuple[str, str], cut: bool = False, most: int = 5) -> list[str | None]:
    records = [Record({"input": given, "output": output}, id=str(n)) for n, (given, output) in enumerate(examples)]
    return [record.rejected for record in judge(records, cut, most, Random(0))]


def test_examples_that_are_not_sound() -> None:
    assert judged(("a", "a"), ("a", ""), ("a:", "b"), ("a", "b:"), ("c", "d")) == [
        "output is not the input", "output is not empty", "ends with no colon", "ends with no colon", None,
    ]  # fmt: skip
    assert judged(("a", "b"), ("c", "d"), cut=True) == [None, "whole"]
    assert judged(("a", "b"), ("a", "c"), ("d", "e")) == ["same input, same output"] * 3
    assert judged(("", "b"), ("", "c")) == [None, None]
    assert judged(("a", "b"), ("a", "b")) == [None, "new"]
    assert sorted(map(str, judged(*[(str(n), "x") for n in range(7)]))) == ["None"] * 5 + ["drawn"] * 2


def test_training_pairs_hold_instruction_input_and_output() -> None:
    pairs = [encode("Do it.", Instance("Text: a", "b"), Random(n)) for n in range(200)]
    assert {pair["completion"] for pair in pairs} == {" b"}
    assert len({pair["prompt"] for pair in pairs}) == 14  # seven layouts, with the label and without
    assert len({encode("Do it.", Instance("", "b"), Random(n))["prompt"] for n in range(200)}) == 6


def test_prompts_show_two_of_its_own_tasks(
    produce: Callable[..., Any], write: Callable[..., Path], teacher: dict[str, str]
) -> None:
    seeds = write("seeds.jsonl", [{"instruction": f"seed{n} of many words", "output": "x"} for n in range(20)])
    count = 0

    def answer(role: str, prompt: str, request: Request) -> Reply:
        nonlocal count
        if "Task:" in prompt:
            return Reply(" No" if prompt.endswith("classification?") else "Example 1\nInput: a\nOutput: b")
        shown = re.findall(r"^\d\. (\w+)", prompt, re.MULTILINE)
        assert len(shown) == 8
        assert len(set(shown)) == 8
        assert sum(name.startswith("seed") for name in shown) == (8 if count < 5 else 6)
        count += 1
        return Reply(
            f" New{count} a{count} b{count} c{count}\n10. and this one is cut", "stop" if count % 2 else "length"
        )

    made = produce(SelfInstruct, answer, seeds=seeds, teacher=teacher, instructions=5, similarity=0.7)
    assert made.manifest["rejected"]["whole"] == 5
    assert len(made.files["dataset"]) == len(made.files["instructions"]) == 6
    assert [row["instruction"] for row in made.files["instructions"]][:2] == ["New1 a1 b1 c1", "And this one is cut"]


def test_it_ends_when_nothing_new_comes(
    produce: Callable[..., Any], write: Callable[..., Path], teacher: dict[str, str]
) -> None:
    seeds = write("seeds.jsonl", [{"instruction": "One seed of five words", "output": "x"}])
    samples = set()

    def answer(role: str, prompt: str, request: Request) -> str:
        samples.add(request.sample)
        return "One seed of five words"

    made = produce(SelfInstruct, answer, seeds=seeds, teacher=teacher, patience=3)
    assert made.manifest["rounds"] == 3
    assert len(samples) == 15  # prompts that are alike are sampled anew
    assert made.manifest["rejected"] == {"similarity": 15}
