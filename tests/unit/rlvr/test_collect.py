"""One batch: which prompts are asked, what replaces groups that teach nothing, and that seeds belong to names."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from rlvr.collect import ask, collect, pick, seed_of
from rlvr.config import RL, Sampling, Tasks
from rlvr.journal import Journal
from rlvr.samples import Group, Prompt, Request, Rollout
from verifiers import Item, Task, Verdict, verify

PROMPTS = [Prompt(Task(id=f"t{i}", prompt="Say yes.", verifier="exact", reference="yes"), (i,)) for i in range(7)]


class Parrot:
    """Says yes; to prompts it is unsure of, every second time. Last asked, first done."""

    def __init__(self, unsure: set[int]) -> None:
        self.unsure = unsure
        self.asked: list[Request] = []

    async def sample(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[Rollout]:
        self.asked += requests
        for r in reversed(requests):
            text = "no" if r.prompt_ids[0] in self.unsure and int(r.id[-3:]) % 2 else "yes"
            yield Rollout(r.id, r.prompt_ids, (1,), (1,), (-1.0,), (0,), "stop", text)

    async def load(self, weights: Any, version: int) -> None:
        raise AssertionError("collecting does not change weights")


class Judge:
    def __init__(self) -> None:
        self.judged: list[str] = []

    async def grade_many(self, items: Sequence[Item]) -> list[Verdict]:
        self.judged += [item.id for item in items]
        return [verify(item.verifier, item.response, item.reference) for item in items]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    book = Journal(tmp_path / "journal.sqlite")
    yield book
    book.close()


def config(**settings: Any) -> RL:
    return RL(tasks=Tasks(train=""), **{"prompts_per_step": 4, "group_size": 2, "refill": 0, **settings})


def gather(config: RL, engine: Parrot, journal: Journal, batch: int = 0, judge: Judge | None = None) -> list[Group]:
    return asyncio.run(collect(batch, config, PROMPTS, engine, judge or Judge(), journal))


def test_a_batch_is_whole_groups_in_the_order_asked(journal: Journal) -> None:
    engine = Parrot(unsure={0, 1, 2})
    groups = gather(config(), engine, journal)
    assert [group.id for group in groups] == [f"000000/0/{i:04}" for i in range(4)]
    assert [j.rollout.id for g in groups for j in g.judged] == [request.id for request in engine.asked]
    assert len({request.seed for request in engine.asked}) == 8
    for group in groups:
        expected = [1.0, 0.0] if int(group.task.id[1:]) in engine.unsure else [1.0, 1.0]
        assert [j.reward for j in group.judged] == expected
    assert journal.counts() == {"judged": 8}


def test_groups_that_agree_are_refilled(journal: Journal) -> None:
    engine = Parrot(unsure={0, 1, 2})
    asked = list(ask(0, 0, 4, config(), PROMPTS).values())
    agree = sum(group.prompt.ids[0] not in engine.unsure for group in asked)
    groups = gather(config(refill=2), engine, journal)
    rounds = Counter(group.id.split("/")[1] for group in groups)
    assert rounds["0"] == 4
    assert rounds["1"] == agree > 0
    still = agree - sum(int(g.task.id[1:]) in engine.unsure for g in groups if "/1/" in g.id)
    assert rounds["2"] == still


def test_nothing_is_refilled_when_all_groups_teach(journal: Journal) -> None:
    groups = gather(config(refill=3), Parrot(unsure=set(range(7))), journal)
    assert {group.id.split("/")[1] for group in groups} == {"0"}


def test_a_batch_asked_for_again_samples_only_what_is_missing(journal: Journal) -> None:
    first = gather(config(), Parrot(set()), journal)
    engine = Parrot(set())
    assert gather(config(), engine, journal) == first
    assert engine.asked == []


def test_a_control_replaces_rewards_and_leaves_verdicts(journal: Journal) -> None:
    groups = gather(config(control="random", group_size=8), Parrot(set()), journal)
    rewards = [j.reward for g in groups for j in g.judged]
    assert set(rewards) == {0.0, 1.0}
    assert {j.verdict.score for g in groups for j in g.judged} == {1.0}
    other = Journal(Path(":memory:"))
    again = gather(config(control="random", group_size=8), Parrot(set()), other)
    other.close()
    assert [j.reward for g in again for j in g.judged] == rewards


@pytest.mark.parametrize("count", [1, 3, 7, 10])
def test_every_epoch_goes_through_all_prompts_once(count: int) -> None:
    picked = [prompt.ids[0] for batch in range(21) for prompt in pick(5, batch, 0, count, PROMPTS)]
    epochs = [picked[start : start + 7] for start in range(0, len(picked) // 7 * 7, 7)]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert len(set(map(tuple, epochs))) > 1


def test_what_is_asked_depends_on_seed_and_batch_alone() -> None:
    def requests(seed: int, batch: int, round: int) -> list[Request]:
        return [r for group in ask(batch, round, 4, config(seed=seed), PROMPTS).values() for r in group.requests]

    for round in (0, 1):
        assert requests(0, 3, round) == requests(0, 3, round)
        assert requests(0, 3, round) != requests(1, 3, round)
        assert requests(0, 3, round) != requests(0, 4, round)
    names = {r.id for batch in range(3) for round in range(2) for r in requests(0, batch, round)}
    assert len(names) == 3 * 2 * 8


def test_seeds_are_63_bits_that_belong_to_a_name() -> None:
    seeds = [seed_of(seed, f"name/{i}") for seed in range(3) for i in range(500)]
    assert len(set(seeds)) == len(seeds)
    assert 0 <= min(seeds) < 2**57 < 2**62 < max(seeds) < 2**63
    assert seed_of(1, "name/7") == seeds[507]
