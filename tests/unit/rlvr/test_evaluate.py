"""Accuracy by family; errors are left out and counted, never scored 0."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from rlvr.config import Sampling
from rlvr.evaluate import Scores, evaluate
from rlvr.samples import Prompt, Request, Rollout
from verifiers import Item, Task, Verdict, verify


class Reciter:
    """Knows what to say to each prompt; the last asked is the first done."""

    def __init__(self, *answers: str) -> None:
        self.answers = answers

    async def sample(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[Rollout]:
        for r in reversed(requests):
            yield Rollout(r.id, r.prompt_ids, (1,), (1,), (0.0,), (0,), "stop", self.answers[r.prompt_ids[0]])

    async def load(self, weights: Any, version: int) -> None:
        raise AssertionError("judging does not change weights")


class Judge:
    """The real verifiers; a response of `crash` breaks them."""

    async def grade_many(self, items: Sequence[Item]) -> list[Verdict]:
        return [
            Verdict.error("broken") if i.response == "crash" else verify(i.verifier, i.response, i.reference)
            for i in items
        ]


def prompts(*tasks: tuple[str, str]) -> list[Prompt]:
    return [
        Prompt(Task(id=str(i), prompt="p", verifier=verifier, reference=reference), (i,))
        for i, (verifier, reference) in enumerate(tasks)
    ]


def scores(asked: list[Prompt], *answers: str) -> Scores:
    return asyncio.run(evaluate(asked, Reciter(*answers), Judge(), Sampling(temperature=0.0)))


def test_accuracy_is_over_all_judged_answers_and_by_family() -> None:
    asked = prompts(("exact", "a"), ("exact", "b"), ("exact", "c"), ("choice", "D"), ("exact", "e"))
    found = scores(asked, "a", "x", "crash", "D", "e")
    assert found.summary() == {"accuracy": 0.75, "families": {"choice": 1.0, "exact": 2 / 3}, "errors": 1}
    assert found.metrics("v") == {"v/accuracy": 0.75, "v/choice": 1.0, "v/exact": 2 / 3}
    assert [j.verdict.status for j in found.judged] == ["correct", "incorrect", "error", "correct", "correct"]
    assert [j.rollout.prompt_ids for j in found.judged] == [(i,) for i in range(5)]


def test_a_score_without_a_single_verdict_is_refused() -> None:
    with pytest.raises(ValueError, match="every one of 2 verdicts is an error, first: broken"):
        scores(prompts(("exact", "a"), ("exact", "b")), "crash", "crash")
