"""The math verifier on published data: labelled cases, GSM8K with labelled model solutions, and the answers of MATH.

The data lie in the folder that RLVR_TEST_DATA names; without it there is nothing to run.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from verifiers.math import MathVerifier

MATH = MathVerifier()


def rows(name: str) -> Iterator[dict[str, Any]]:
    folder = os.environ.get("RLVR_TEST_DATA")
    if not folder:
        pytest.skip("RLVR_TEST_DATA names no folder with the data sets")
    with (Path(folder) / name).open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def right(response: str, reference: str, params: dict[str, Any] | None = None) -> bool:
    return MATH.verify(response, reference, params).status == "correct"


def test_labelled_cases() -> None:
    cases = list(rows("math_cases/dev.jsonl"))
    wrong = [case for case in cases if right(case["answer"], case["gold"]) != case["equal"]]
    accepted = [case for case in wrong if not case["equal"]]
    refused = [case for case in wrong if case["equal"]]
    equal = sum(case["equal"] for case in cases)
    assert len(wrong) <= 0.02 * len(cases)
    assert len(accepted) <= 0.01 * (len(cases) - equal)
    assert len(refused) <= 0.04 * equal


def gsm8k() -> Iterator[tuple[str, str]]:
    for name in ("train", "test"):
        for row in rows(f"gsm8k/{name}.jsonl"):
            yield row["answer"], row["answer"].rpartition("####")[2].strip()


@pytest.mark.parametrize("params", [{}, {"preset": "gsm8k"}], ids=["default", "gsm8k"])
def test_gsm8k_solutions_match_their_answers_and_no_others(params: dict[str, Any]) -> None:
    count, missed, accepted = 0, [], []
    for solution, answer in gsm8k():
        count += 1
        if not (right(solution, answer, params) and right(answer, solution, params)):
            missed.append(answer)
        value = float(answer.replace(",", ""))
        work = solution.rpartition("####")[0]
        others = [value + 1, -value if value else 1, 10 * value if value else 10, value + 0.5]
        accepted += [(other, answer) for other in others if right(f"{work}#### {other!r}", answer, params)]
    assert count == 8792
    assert (missed, accepted) == ([], [])


@pytest.mark.parametrize("params", [{}, {"preset": "gsm8k"}], ids=["default", "gsm8k"])
def test_labelled_model_solutions(params: dict[str, Any]) -> None:
    disagreements = []
    for row in rows("gsm8k/model_solutions_first660.jsonl"):
        answer = row["ground_truth"].rpartition("A:")[2].strip()
        for model, graded in row.items():
            if isinstance(graded, dict) and right(graded["solution"], answer, params) != graded["is_correct"]:
                disagreements.append((answer, model, graded["solution"][-80:]))
    assert disagreements == []


REWRITINGS: dict[str, Callable[[str], str]] = {
    "itself": lambda answer: answer,
    "boxed": lambda answer: f"Adding these, we find $\\boxed{{{answer}}}$.",
    "displayed box": lambda answer: f"Hence\n\\[\n\\boxed{{{answer}}}\n\\]",
    "announced": lambda answer: f"The final answer is ${answer}$. I hope it is correct.",
    "bold": lambda answer: f"**Answer:** ${answer}$",
    "last formula": lambda answer: f"So the result is \\[ {answer} \\]",
    "parentheses": lambda answer: f"\\( {answer} \\)",
    "dfrac": lambda answer: re.sub(r"\\[dt]?frac", r"\\dfrac", answer),
    "frac": lambda answer: re.sub(r"\\[dt]?frac", r"\\frac", answer),
    "sized": lambda answer: re.sub(
        r"(?<!\\left)(?<!\\right)([()])", lambda m: {"(": "\\left(", ")": "\\right)"}[m[1]], answer
    ),
    "unsized": lambda answer: re.sub(r"\\(?:left|right)(?![a-z])", "", answer),
    "spaced": lambda answer: re.sub(r"([-+=])", r" \1 ", answer),
    "no dollar sign": lambda answer: answer.replace("\\$", ""),
}


@pytest.mark.parametrize("rewriting", REWRITINGS)
def test_math_answers_equal_their_rewritings(rewriting: str) -> None:
    names = ("math500/math500_first350.jsonl", "math500/math_train_first2000.jsonl")
    answers = {row["answer"] for name in names for row in rows(name) if row["answer"] is not None}
    assert len(answers) > 500
    assert [answer for answer in answers if not right(REWRITINGS[rewriting](answer), answer)] == []


def test_different_math_answers_differ() -> None:
    """Neighbours in the sorted list of answers, which look alike; all that are equal are named here."""
    answers = sorted({row["answer"] for row in rows("math500/math_train_first2000.jsonl") if row["answer"] is not None})
    same = {(one, two) for one, two in pairwise(answers) if right(two, one)}
    assert len(same) <= 0.02 * len(answers)
    assert all(_digits(one) == _digits(two) or "\\frac" in one + two for one, two in same), same


def _digits(text: str) -> list[str]:
    return sorted(re.findall(r"\d", text.replace("00", "")))
