"""A table of references and answers for every category of answers; the verdict of each row, and its mirror image."""

from pathlib import Path

import pytest

from verifiers.math import MathVerifier

MATH = MathVerifier()
Row = tuple[bool, str, str]

ONE_WAY = {("7", "a+b=7"), ("4", "4\\pmod{9}")}
"""An answer may say more than the reference asks; a reference that says it asks for it."""


def read_table() -> dict[str, list[Row]]:
    tables: dict[str, list[Row]] = {}
    for line in Path(__file__).with_name("test_math_cases.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            rows = tables.setdefault(line[3:], [])
        elif line[:2] in ("= ", "! "):
            reference, _, answer = line[2:].partition(" |")
            rows.append((line[0] == "=", reference, answer.strip()))
    return tables


TABLE = read_table()


@pytest.mark.parametrize("category", TABLE)
def test_verdicts(category: str) -> None:
    wrong = [
        (reference, answer)
        for equal, reference, answer in TABLE[category]
        if (MATH.verify(answer, reference).status == "correct") != equal
    ]
    assert wrong == []


@pytest.mark.parametrize("category", TABLE)
def test_the_same_in_a_box(category: str) -> None:
    wrong = [
        (reference, answer)
        for equal, reference, answer in TABLE[category]
        if "boxed" not in answer
        and (MATH.verify(f"Adding up, we get $\\boxed{{{answer}}}$.", reference).status == "correct") != equal
    ]
    assert wrong == []


@pytest.mark.parametrize("category", sorted(TABLE.keys() - {"mcq"}))
def test_equality_is_symmetric(category: str) -> None:
    crooked = [
        (reference, answer)
        for equal, reference, answer in TABLE[category]
        if answer and (MATH.verify(reference, answer).status == "correct") != equal
    ]
    assert set(crooked) <= ONE_WAY


@pytest.mark.parametrize("category", TABLE)
def test_the_fast_path_decides(category: str) -> None:
    rows = [(answer, reference) for _, reference, answer in TABLE[category]]
    assert [row for row in rows if MATH.fast(*row) != MATH.verify(*row)] == []
