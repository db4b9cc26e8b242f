"""A stricter verifier beside the one that pays: it finds the gap, changes no reward, and is checked before the run."""

import asyncio
from collections.abc import Sequence

import pytest

from rlvr.config import Grading
from rlvr.errors import UserError
from rlvr.guards.heldout import HeldOut, check
from verifiers import Item, Task, Verdict, verify

STRICT = Grading(strict={"math": "exact"}, strict_share=1.0)


class Judge:
    """The real verifiers, and what they were asked; a broken one gives errors alone."""

    def __init__(self, broken: bool = False) -> None:
        self.asked: list[tuple[str, str]] = []
        self.broken = broken

    async def grade_many(self, items: Sequence[Item]) -> list[Verdict]:
        self.asked += [(item.id, item.verifier) for item in items]
        if self.broken:
            return [Verdict.error("down", id=item.id) for item in items]
        return [verify(item.verifier, item.response, item.reference) for item in items]


ITEMS = [
    Item("a", "math", "0.5", "1/2"),
    Item("b", "math", "1/2", "1/2"),
    Item("c", "math", "7", "1/2"),
    Item("d", "exact", "x", "x"),
]


def test_the_gap_is_of_what_only_the_paying_verifier_takes() -> None:
    first, second = Judge(), Judge()
    judges = HeldOut(first, second, STRICT)
    verdicts = asyncio.run(judges.grade_many(ITEMS))
    assert [verdict.score for verdict in verdicts] == [1.0, 1.0, 0.0, 1.0]
    assert second.asked == [("a", "exact"), ("b", "exact"), ("c", "exact")]
    assert judges.metrics() == {"strict_gap": pytest.approx(1 / 3)}
    assert judges.metrics() == {}


def test_errors_of_either_say_nothing() -> None:
    for first, second in ((Judge(broken=True), Judge()), (Judge(), Judge(broken=True))):
        judges = HeldOut(first, second, STRICT)
        asyncio.run(judges.grade_many(ITEMS))
        assert judges.metrics() == {}


def test_a_share_is_taken_by_the_id_alone() -> None:
    items = [Item(f"{i:04}", "math", "1", "1") for i in range(1000)]
    taken = []
    for part in (items, items[::-1]):
        second = Judge()
        asyncio.run(HeldOut(Judge(), second, Grading(strict={"math": "exact"}, strict_share=0.2)).grade_many(part))
        taken.append({id for id, _ in second.asked})
    assert taken[0] == taken[1]
    assert 150 < len(taken[0]) < 250


def test_without_one_nobody_is_asked_twice() -> None:
    second = Judge()
    asyncio.run(HeldOut(Judge(), second, Grading()).grade_many(ITEMS))
    assert second.asked == []


@pytest.mark.parametrize(
    ("strict", "words"),
    [
        ({"maths": "exact"}, "no task is judged by 'maths'; expected one of math"),
        ({"math": "exakt"}, "task t: no verifier named 'exakt'; did you mean 'exact'"),
        ({"math": "code"}, "grading.strict.math: task t: "),
    ],
)
def test_it_is_checked_before_the_run(strict: dict[str, str], words: str) -> None:
    with pytest.raises(UserError, match=r"^grading\.strict") as caught:
        check(strict, [Task(id="t", prompt="?", verifier="math", reference="1/2")])
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
