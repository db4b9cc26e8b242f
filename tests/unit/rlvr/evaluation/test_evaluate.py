"""Accuracy by family; errors are left out and counted, never scored 0."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from rlvr.config import Sampling
from rlvr.errors import WorkFailed
from rlvr.evaluation.evaluate import Scores, evaluate
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
    summary = found.summary()
    low, high = summary.pop("interval")
    assert summary == {"accuracy": 0.75, "families": {"choice": 1.0, "exact": 2 / 3}, "errors": 1, "tasks": 5}
    assert 0.3 < low < 0.75 < high < 1
    assert found.metrics("v") == {"v/accuracy": 0.75, "v/choice": 1.0, "v/exact": 2 / 3}
    assert [j.verdict.status for [j] in found.judged] == ["correct", "incorrect", "error", "correct", "correct"]
    assert [j.rollout.prompt_ids for [j] in found.judged] == [(i,) for i in range(5)]


def test_a_score_without_a_single_verdict_is_refused() -> None:
    with pytest.raises(WorkFailed, match="every one of 2 verdicts is an error, first: broken"):
        scores(prompts(("exact", "a"), ("exact", "b")), "crash", "crash")


class Dice:
    """Says `a` as often as a list of answers has it, sample by sample, whatever the order of asking."""

    def __init__(self, answers: dict[int, list[str]]) -> None:
        self.answers = answers
        self.seeds: list[int] = []

    async def sample(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[Rollout]:
        for r in requests:
            self.seeds.append(r.seed)
            said = self.answers[r.prompt_ids[0]][int(r.id.rpartition("/")[2])]
            yield Rollout(r.id, r.prompt_ids, (1,), (1,), (0.0,), (0,), "stop", said)

    async def load(self, weights: Any, version: int) -> None:
        raise AssertionError("judging does not change weights")


def test_several_samples_give_pass_at_k() -> None:
    """Of 4 samples: 1 correct, 4 correct, 1 of 3 without the error, none."""
    dice = Dice({0: ["a", "x", "x", "x"], 1: ["a"] * 4, 2: ["x", "crash", "a", "x"], 3: ["x"] * 4})
    asked = prompts(*[("exact", "a")] * 4)
    found = asyncio.run(evaluate(asked, dice, Judge(), Sampling(), samples=4, seed=7))
    assert found.values == {"0": 0.25, "1": 1.0, "2": pytest.approx(1 / 3), "3": 0.0}
    summary = found.summary((1, 2, 4))
    passed = {k: estimate["value"] for k, estimate in summary["pass@k"].items()}
    assert passed == {
        "1": pytest.approx(summary["accuracy"]),
        "2": pytest.approx((1 / 2 + 1 + 2 / 3 + 0) / 4),
        "4": pytest.approx((1 + 1 + 0) / 3),
    }
    assert summary["errors"] == 1
    assert len(set(dice.seeds)) == 16


def test_the_seed_of_a_sample_depends_on_the_seed_of_the_run() -> None:
    dice = [Dice({0: ["a", "a"]}) for _ in range(3)]
    for one, seed in zip(dice, (1, 1, 2), strict=True):
        asyncio.run(evaluate(prompts(("exact", "a")), one, Judge(), Sampling(), samples=2, seed=seed))
    assert dice[0].seeds == dice[1].seeds != dice[2].seeds
