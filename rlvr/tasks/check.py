"""Judge what is known to be right and what is known to be wrong, before anybody trains on a task source.

Every gold response must be judged correct, every corrupted one must not. Rows without a gold response have had their
reference checked when the source was loaded; they are counted here and not judged.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from rlvr.tasks.base import Example
from rlvr.tasks.corrupt import corruptions
from verifiers import Grader, Item, Verdict

GOLD = "gold"


class Failure(BaseModel):
    """One response whose verdict is not as it must be."""

    model_config = ConfigDict(frozen=True)

    id: str
    where: str
    kind: str
    """`gold`, or what was done to the gold response."""
    status: str
    reason: str
    response: str
    reference: Any


class Report(BaseModel):
    """What came of a check."""

    model_config = ConfigDict(frozen=True)

    source: str
    tasks: int
    shape_only: int
    """Tasks without a gold response."""
    gold_correct: int
    gold: int
    corrupted_rejected: int
    corrupted: int
    kinds: dict[str, tuple[int, int]]
    """Kind of response -> (as it must be, judged)."""
    failures: list[Failure]
    seconds: float

    @property
    def passed(self) -> bool:
        return not self.failures


Probe = tuple[Example, str, str]
"""(example, kind, response)"""


async def check(
    source: str, examples: Sequence[Example], grader: Grader, judged: Callable[[], None] = lambda: None
) -> Report:
    """Judge every gold response and every corrupted one; `judged` is called after each."""
    start = time.perf_counter()
    todo = list(probes(examples))
    items = (
        Item(f"{e.task.id}|{kind}", e.task.verifier, said, e.task.reference, e.task.params) for e, kind, said in todo
    )
    total: Counter[str] = Counter()
    good: Counter[str] = Counter()
    failures: list[tuple[int, Failure]] = []
    async for index, verdict in grader.completed(items):
        example, kind, response = todo[index]
        total[kind] += 1
        if as_expected(kind, verdict):
            good[kind] += 1
        else:
            failures.append((index, _failure(example, kind, response, verdict)))
        judged()
    return Report(
        source=source,
        tasks=len(examples),
        shape_only=sum(example.gold is None for example in examples),
        gold_correct=good[GOLD],
        gold=total[GOLD],
        corrupted_rejected=good.total() - good[GOLD],
        corrupted=total.total() - total[GOLD],
        kinds={kind: (good[kind], total[kind]) for kind in dict.fromkeys(kind for _, kind, _ in todo)},
        failures=[failure for _, failure in sorted(failures, key=lambda pair: pair[0])],
        seconds=round(time.perf_counter() - start, 3),
    )


def probes(examples: Sequence[Example]) -> Iterator[Probe]:
    for index, example in enumerate(examples):
        if example.gold is not None:
            yield example, GOLD, example.gold
        for kind, response in corruptions(examples, index):
            yield example, kind, response


def as_expected(kind: str, verdict: Verdict) -> bool:
    """`error` is never as expected: it says nothing of the response."""
    if kind == GOLD:
        return verdict.status == "correct"
    return verdict.status not in ("correct", "error")


def _failure(example: Example, kind: str, response: str, verdict: Verdict) -> Failure:
    message = verdict.details.get("message")
    return Failure(
        id=example.task.id,
        where=example.where,
        kind=kind,
        status=verdict.status,
        reason=f"{verdict.reason}: {message}" if message else verdict.reason,
        response=response,
        reference=example.task.reference,
    )
