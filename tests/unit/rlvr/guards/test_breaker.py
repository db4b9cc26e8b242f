"""The circuit breaker: no error becomes a reward, and a run waits for verifiers that recover."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from rlvr.config import Grading
from rlvr.errors import RunStopped
from rlvr.guards.breaker import Breaker
from verifiers import Item, Verdict


class Judge:
    """Fails on the calls and items that it is told to."""

    def __init__(self, fails: Callable[[int, Item], bool]) -> None:
        self.fails, self.calls = fails, 0
        self.asked: list[str] = []

    async def grade_many(self, items: Sequence[Item]) -> list[Verdict]:
        self.calls += 1
        self.asked += [item.id for item in items]
        return [
            Verdict.error("down", id=i.id) if self.fails(self.calls, i) else Verdict.correct(id=i.id) for i in items
        ]


def items(*ids: str) -> list[Item]:
    return [Item(id, "exact", "", "") for id in ids]


def before(judge: Judge, window: int, **grading: float) -> Breaker:
    return Breaker(judge, Grading(**grading), window, first_retry_s=0.01)


def test_few_errors_pass_as_what_they_are() -> None:
    judge = Judge(lambda _, item: item.id == "b")
    fuse = before(judge, 10, max_error_share=0.2)
    verdicts = asyncio.run(fuse.grade_many(items("a", "b", "c")))
    assert [verdict.score for verdict in verdicts] == [1.0, None, 1.0]
    assert judge.calls == 1
    assert fuse.metrics() == {"pauses": 0.0, "paused_s": 0.0}


def test_many_errors_pause_until_the_verifiers_recover() -> None:
    judge = Judge(lambda call, item: call <= 4 and item.id in "bc")
    fuse = before(judge, 10, max_error_share=0.1)
    verdicts = asyncio.run(fuse.grade_many(items("a", "b", "c")))
    assert [(verdict.id, verdict.score) for verdict in verdicts] == [("a", 1.0), ("b", 1.0), ("c", 1.0)]
    assert judge.asked == ["a", "b", "c", *"bcbcbcbc"]
    assert fuse.pauses == 1
    assert fuse.paused_s >= 0.01 + 0.02 + 0.04 + 0.08


def test_what_is_wrong_with_one_item_does_not_keep_it_open() -> None:
    """The verifiers have recovered when all others have; the one stays an error, and is masked."""
    judge = Judge(lambda call, item: call <= 2 or item.id == "c")
    fuse = before(judge, 10, max_error_share=0.1, patience_s=5.0)
    verdicts = asyncio.run(fuse.grade_many(items("a", "b", "c")))
    assert [verdict.score for verdict in verdicts] == [1.0, 1.0, None]
    assert judge.calls == 4
    assert fuse.pauses == 1


@pytest.mark.parametrize("broken", [2, 9])
def test_where_most_items_stay_errors_nothing_has_recovered(broken: int) -> None:
    """However few calls change anything, and though one item has got its verdict."""
    ids = "abcdefghij"[: broken + 1]
    judge = Judge(lambda call, item: call == 1 or item.id != "a")
    fuse = before(judge, 10, max_error_share=0.1, patience_s=0.1)
    with pytest.raises(RunStopped, match="did not recover"):
        asyncio.run(fuse.grade_many(items(*ids)))


def test_everybody_waits_while_it_is_open() -> None:
    ended = []

    async def one(name: str) -> None:
        await fuse.grade_many(items(name))
        ended.append(name)

    async def both() -> None:
        first = asyncio.create_task(one("broken"))
        await asyncio.sleep(0.005)
        await asyncio.gather(first, one("well"))

    fuse = before(Judge(lambda call, item: item.id == "broken" and call < 4), 1, max_error_share=0.5)
    asyncio.run(both())
    assert ended == ["broken", "well"]


def test_errors_are_counted_over_calls_and_forgotten_after_a_window() -> None:
    judge = Judge(lambda call, item: item.id == "x" and call in (1, 2, 6, 7, 8))
    fuse = before(judge, 5, max_error_share=0.4)
    asyncio.run(fuse.grade_many(items("x")))
    asyncio.run(fuse.grade_many(items("x")))
    assert fuse.pauses == 0
    asyncio.run(fuse.grade_many(items(*"abcde")))
    for _ in range(5):
        asyncio.run(fuse.grade_many(items("x")))
    assert fuse.pauses == 1


def test_verifiers_that_stay_broken_stop_the_run() -> None:
    fuse = before(Judge(lambda *_: True), 2, max_error_share=0.1, patience_s=0.05)
    with pytest.raises(RunStopped, match=r"2 of the last 2 verdicts are errors .* within 0.05 s .* mend the verifier"):
        asyncio.run(fuse.grade_many(items("a", "b")))
