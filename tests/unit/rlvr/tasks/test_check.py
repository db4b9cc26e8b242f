"""The check of gold and corrupted answers, on sources that are right and on sources that are not."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from rlvr.tasks.base import Example
from rlvr.tasks.check import Report, as_expected, check
from verifiers import Grader, Item, Task, Verdict


def example(ident: str, reference: Any, gold: str | None, verifier: str = "math") -> Example:
    return Example(Task(id=ident, prompt="", verifier=verifier, reference=reference), gold, f"x.jsonl: row {ident}")


def judged(*examples: Example) -> tuple[Report, int]:
    calls: list[None] = []
    with Grader(workers=1) as grader:
        report = asyncio.run(check("x", examples, grader, lambda: calls.append(None)))
    return report, len(calls)


def test_right_answers_pass_and_wrong_ones_are_turned_down() -> None:
    report, calls = judged(example("1", "18", "9+9\n#### 18"), example("2", "-1,080", "#### -1,080"))
    assert report.passed
    assert report.kinds == dict.fromkeys(report.kinds, (2, 2))
    assert set(report.kinds) == {"gold", "empty", "number changed", "sign flipped", "another row's"}
    assert (report.gold_correct, report.gold, report.corrupted_rejected, report.corrupted) == (2, 2, 8, 8)
    assert calls == 10


def test_a_wrong_gold_answer_is_found() -> None:
    report, _ = judged(example("1", "18", "#### 18"), example("2", "7", r"\boxed{8}"))
    assert (report.gold_correct, report.gold) == (1, 2)
    [gold, *_] = report.failures
    assert not report.passed
    assert (gold.id, gold.where, gold.kind, gold.status) == ("2", "x.jsonl: row 2", "gold", "incorrect")


class Lenient(Grader):
    """Takes every answer."""

    async def completed(self, items: Iterable[Item]) -> AsyncIterator[tuple[int, Verdict]]:
        for index, _ in enumerate(items):
            yield index, Verdict.correct()


def test_a_verifier_that_cannot_say_no_is_found() -> None:
    report = asyncio.run(check("x", [example("1", "5", r"\boxed{5}"), example("2", "6", "#### 6")], Lenient()))
    assert (report.gold_correct, report.corrupted_rejected, report.corrupted) == (2, 0, 8)
    assert [failure.kind for failure in report.failures[:2]] == ["empty", "number changed"]


def test_rows_without_a_gold_response_are_counted_only() -> None:
    report, calls = judged(example("1", "hi", None, "exact"))
    assert (report.passed, report.shape_only, report.tasks, calls) == (True, 1, 1, 0)


@pytest.mark.parametrize(
    ("kind", "verdict", "expected"),
    [
        ("gold", Verdict.correct(), True),
        ("gold", Verdict.of_score(0.5), False),
        ("gold", Verdict.undecided("budget"), False),
        ("gold", Verdict.error("broken"), False),
        ("empty", Verdict.no_answer(), True),
        ("empty", Verdict.undecided("budget"), True),
        ("empty", Verdict.of_score(0.5), True),
        ("empty", Verdict.correct(), False),
        ("empty", Verdict.error("broken"), False),
    ],
)
def test_what_counts_as_it_must_be(kind: str, verdict: Verdict, expected: bool) -> None:
    assert as_expected(kind, verdict) is expected
