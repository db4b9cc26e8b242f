"""Self-Instruct beside a second implementation: plain, slow, and written after the authors' scripts, not after ours.

Runs are made up from a seed, and full of what the filters are for. From the same completions both must keep the same
tasks in the same order, with scores equal to the last bit, and make the same examples of them.
"""

import random
import re
import string
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rouge_score.rouge_scorer import RougeScorer

from rlvr.data.request import Reply, Request
from rlvr.data.self_instruct import SelfInstruct

TEXT = (
    "list name tell explain describe three reasons why people travel by train in winter and how they pay for old bread "
    "good friends drawing near with time to tell the short story about a cat's garden (briefly) Über café 12 e-mail"
)
WORDS = [*TEXT.split(), *TEXT.split(), "maps", "images", "go to", "plot/graph"]
OPENINGS = (*[""] * 9, "Write a program that ", "'Quoted' ", "Émile and ", "Go to ", "3 of ")
BREAKS = (*["\n{}. "] * 9, "\n{} . ", "\n\t{}. ", "\n{}.", "\n{}) ")
SAID = (" Yes", "yes\n", "YES ", " yes.", " No", "no", "", "Yes it is", "\tYes")
PARTS = (
    *("Example 1\n", "Example 2. ", "Example\n", "\nInput: ", "Input 2: ", "Input :", "\nOutput: ", "Output 3 : "),
    *("Class label: ", "Class label:", "\n", "good", "bad", "a b", "c", "c:", "none:", " "),
)
UNFIT = "image|images|graph|graphs|picture|pictures|file|files|map|maps|draw|plot|go to"


@dataclass
class Kept:
    """A task that the reference keeps."""

    task: str
    mean: float
    nearest: list[float]


def rejected_for(task: str) -> str | None:
    if len(task.split()) <= 3 or len(task.split()) > 150:
        return "words"
    if any(re.search(rf"\b{word}\b", task, re.IGNORECASE) for word in UNFIT.split("|")):
        return "suitable for text"
    if task.startswith("Write a program"):
        return "no program"
    if task[0] in string.punctuation:
        return "starts with no punctuation"
    return None if task[0].isascii() else "starts with ASCII"


def written(seeds: list[str], completions: list[tuple[str, str]]) -> tuple[list[Kept], Counter[str]]:
    """The tasks kept out of the completions, and how many were rejected for what."""
    scorer, kept, reasons = RougeScorer(["rougeL"], use_stemmer=False), list[Kept](), Counter[str]()
    for text, finish_reason in completions:
        if finish_reason == "length":
            reasons["whole"] += 1
            continue
        for piece in re.split(r"\n\d+\s?\. ", text):
            task = re.sub(r"\s+", " ", piece).strip().capitalize()
            if not task:
                continue
            if reason := rejected_for(task):
                reasons[reason] += 1
                continue
            pool = seeds + [one.task for one in kept]
            scores = [scorer.score(task, other)["rougeL"].fmeasure for other in pool]
            if max(scores) > 0.7:
                reasons["similarity"] += 1
            else:
                kept.append(Kept(task, float(np.mean(scores)), sorted(scores)[-10:]))
    return kept, reasons


def example(text: str) -> tuple[str, str]:
    given, output = "", text.strip()
    if re.findall(r"Output\s*\d*\s*:", text):
        given, output = (part.strip() for part in re.split(r"Output\s*\d*\s*:", text)[:2])
    if re.findall(r"Input\s*\d*\s*:", output):
        output = re.split(r"Input\s*\d*\s*:", output)[0].strip()
    return re.sub(r"^Input\s*\d*\s*:", "", given).strip(), output


def examples(text: str, is_classification: bool, cut: bool) -> set[tuple[str, str]]:
    """The sound examples of one task, before five are drawn."""
    found: list[tuple[str, str]] = []
    if is_classification:
        for piece in text.split("Class label:")[1:]:
            label, *rest = piece.strip().split("\n", 1)
            found.append((rest[0].strip() if rest else "", label.strip()))
    elif re.findall(r"Example\s?\d*\.?", text.strip()):
        pieces = [piece.strip() for piece in re.split(r"Example\s?\d*\.?", text.strip())]
        found = [example(piece) for piece in pieces if piece]
    elif re.findall(r"Output\s*\d*\s*:", text.strip()):
        found = [example(text.strip())]
    found = found[:-1] if cut else found
    found = [one for one in found if one[0] != one[1] and one[1] and not any(part.endswith(":") for part in one)]
    for i, (given, output) in enumerate(found):
        if given and any(given == other and output != another for other, another in found[:i]):
            return set()
    return set(found)


def task(rng: random.Random, known: list[str]) -> str:
    """A new one; or one that is known, with some words changed, so that similarities near the threshold come up."""
    if known and rng.random() < 0.5:
        changed = rng.choice(known).split()
        for _ in range(rng.randrange(6)):
            changed[rng.randrange(len(changed))] = rng.choice(WORDS)
    else:
        changed = rng.choices(WORDS, k=rng.choice([2, 3, 4, 8, 10, 10, 14, 20, 151]))
    return rng.choice(OPENINGS) + rng.choice([" ", "  ", "\t"]).join(changed) + rng.choice([".", "", ":", " \n"])


def completion(rng: random.Random, known: list[str]) -> tuple[str, str]:
    text = ""
    for number in range(9, 9 + rng.randrange(1, 9)):
        known.append(task(rng, known))
        text += (rng.choice(BREAKS).format(number) if text else " ") + known[-1]
    return text, rng.choice(["stop"] * 9 + ["length"])


@pytest.mark.parametrize("seed", range(4))
def test_both_make_the_same_of_the_same_completions(
    produce: Callable[..., Any], write: Callable[..., Path], teacher: dict[str, str], seed: int
) -> None:
    rng = random.Random(seed)
    seeds = [f"{' '.join(rng.sample(WORDS[:20], 7))} {n}" for n in range(12)]
    known = list(seeds)
    completions = [completion(rng, known) for _ in range(30)]
    kept, reasons = written(seeds, completions)
    answers = {one.task: rng.choice(SAID) for one in kept}
    worked = {
        one.task: ("".join(rng.choices(PARTS, k=rng.randrange(60))), rng.choice(["stop", "length"])) for one in kept
    }
    left = iter(completions)

    def answer(role: str, prompt: str, request: Request) -> Reply:
        asked = prompt.rpartition("Task: ")[2]
        if asked.endswith("\nIs it classification?"):
            return Reply(answers[asked.partition("\n")[0]])
        return Reply(*worked[asked.strip()]) if prompt.endswith("\n") else Reply(*next(left, ("", "stop")))

    rows = [{"instruction": text, "output": "x"} for text in seeds]
    made = produce(
        SelfInstruct, answer, seeds=write("seeds.jsonl", rows), teacher=teacher, instructions=10_000, patience=1
    )
    ours = made.files["instructions"]
    assert [row["instruction"] for row in ours] == [one.task for one in kept]
    assert [row["avg_similarity_score"] for row in ours] == [one.mean for one in kept]
    assert [sorted(row["most_similar"].values()) for row in ours] == [one.nearest for one in kept]
    dropped = [row for row in made.files["rejected"] if "is_classification" not in row]
    last = {"write: nothing came of it": 10}  # two rounds without completions end it
    assert Counter(row["meta"]["rejected"] for row in dropped) == reasons + Counter(last)
    assert len(kept) > 12
    assert reasons["similarity"] > 5
    for one in kept:
        expected = examples(
            worked[one.task][0], answers[one.task].strip().lower() == "yes", worked[one.task][1] == "length"
        )
        found = [(row["input"], row["output"]) for row in made.files["dataset"] if row["instruction"] == one.task]
        assert len(found) == len(set(found)) == min(5, len(expected))
        assert set(found) <= expected
