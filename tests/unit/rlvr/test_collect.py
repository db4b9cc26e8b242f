"""Groups on their way to a batch: which are asked for and when, what replaces others, and what is too old."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from rlvr.collect import Batch, Collector, seed_of
from rlvr.config import RL, Sampling, Tasks
from rlvr.journal import Journal
from rlvr.learner import advantage
from rlvr.samples import Prompt, Request, Rollout
from verifiers import Item, Task, Verdict, verify

PROMPTS = [Prompt(Task(id=f"t{i}", prompt="Say yes.", verifier="exact", reference="yes"), (i,)) for i in range(7)]
EVERYBODY = set(range(7))


class Parrot:
    """Says yes; to prompts it is unsure of, every second time. Some responses wait for a word."""

    def __init__(self, unsure: set[int], slow: Callable[[Request], bool] = lambda _: False) -> None:
        self.unsure, self.slow = unsure, slow
        self.word = asyncio.Event()
        self.version = 0
        self.asked: list[Request] = []
        self.waves: list[int] = []

    async def sample(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[Rollout]:
        self.asked += requests
        self.waves.append(len(requests))
        version = self.version
        for r in sorted(requests, key=self.slow):
            await (self.word.wait() if self.slow(r) else asyncio.sleep(0))
            text = "no" if r.prompt_ids[0] in self.unsure and int(r.id[-3:]) % 2 else "yes"
            yield Rollout(r.id, r.prompt_ids, (1,), (1,), (-1.0,), (version,), "stop", text)

    async def load(self, weights: Any, version: int) -> None:
        self.version = version


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
    ordinary = {"prompts_per_step": 4, "group_size": 2, "refill": 0, "max_lag": 0}
    return RL(tasks=Tasks(train=""), **{**ordinary, **settings})


def collecting(
    config: RL,
    engine: Parrot,
    journal: Journal,
    story: Callable[[Collector], Awaitable[Any]],
    judge: Judge | None = None,
    step: int = 0,
) -> Any:
    """What the story returns, told over a collector."""

    async def tell() -> Any:
        async with Collector(config, PROMPTS, engine, judge or Judge(), journal, step) as collector:
            return await asyncio.wait_for(story(collector), 10)

    return asyncio.run(tell())


async def one(collector: Collector) -> Batch:
    return await collector.batch()


async def settled(collector: Collector, waiting: int = 0) -> None:
    """Until nobody but so many groups, which wait for a word, is under way."""
    for _ in range(5000):
        if len(collector.running) <= waiting:
            return
        await asyncio.sleep(0.001)
    raise AssertionError(f"{len(collector.running)} groups are under way, expected {waiting}")


def train(journal: Journal, step: int, batch: Batch) -> None:
    journal.trained(step, advantage.samples(batch.groups, "mean"), batch.dropped("mean"))


def test_a_batch_is_whole_groups_in_the_order_asked(journal: Journal) -> None:
    engine = Parrot(unsure={0, 1, 2})
    batch = collecting(config(), engine, journal, one)
    assert [group.id for group in batch.groups] == [f"000000/0/{i:04}" for i in range(4)]
    assert [j.rollout.id for g in batch.groups for j in g.judged] == [request.id for request in engine.asked]
    assert len({request.seed for request in engine.asked}) == 8
    for group in batch.groups:
        expected = [1.0, 0.0] if int(group.task.id[1:]) in engine.unsure else [1.0, 1.0]
        assert [j.reward for j in group.judged] == expected
    assert journal.counts() == {"judged": 8}


def test_at_no_lag_whole_waves_replace_the_groups_that_agree(journal: Journal) -> None:
    engine = Parrot(unsure={0, 1, 2})
    batch = collecting(config(refill=2), engine, journal, one)
    taught = [group for group in batch.groups if advantage.informative(group)]
    assert len(taught) == 4
    assert batch.groups == sorted(batch.groups, key=lambda group: group.id)
    assert engine.waves[0] == 8
    agreed = [group for group in batch.groups[:4] if not advantage.informative(group)]
    assert engine.waves[1] == 2 * len(agreed) > 0
    assert len(batch.groups) == sum(engine.waves) / 2


def test_replacements_are_limited(journal: Journal) -> None:
    engine = Parrot(unsure=set())
    batch = collecting(config(refill=2), engine, journal, one)
    assert engine.waves == [8, 8, 8]
    assert len(batch.groups) == 12


def test_nothing_is_replaced_when_all_groups_teach(journal: Journal) -> None:
    engine = Parrot(unsure=EVERYBODY)
    collecting(config(refill=3), engine, journal, one)
    assert engine.waves == [8]


@pytest.mark.parametrize("max_lag", [0, 1, 3])
def test_accepted_and_running_stay_within_the_bound(journal: Journal, max_lag: int) -> None:
    async def story(collector: Collector) -> None:
        for step in range(6):
            assert collector.issued <= 4 * (step + max_lag + 1)
            batch = await collector.batch()
            assert collector.issued <= 4 * (step + max_lag + 1)
            assert all(0 <= step - group.oldest <= max_lag for group in batch.groups)
            train(journal, step + 1, batch)
            await settled(collector)
            assert collector.issued == 4 * min(step + max_lag + 1, 6)
            await engine.load(None, step + 1)
            collector.loaded(step + 1)

    engine = Parrot(unsure=EVERYBODY)
    collecting(config(max_lag=max_lag, steps=6), engine, journal, story)
    assert len(engine.asked) == 6 * 4 * 2
    assert journal.counts() == {"trained": 48}


def test_a_long_response_holds_nobody_up_and_is_left_out_once_too_old(journal: Journal) -> None:
    async def story(collector: Collector) -> list[Batch]:
        batches = []
        for step in range(4):
            if step == 3:
                engine.word.set()
            await settled(collector, waiting=1 if step < 3 else 0)
            batches.append(await collector.batch())
            train(journal, step + 1, batches[-1])
            await engine.load(None, step + 1)
            collector.loaded(step + 1)
        return batches

    engine = Parrot(unsure=EVERYBODY, slow=lambda request: request.id.startswith("000000/0/0001"))
    batches = collecting(config(max_lag=2, steps=10), engine, journal, story)
    assert [len(batch.groups) for batch in batches] == [4, 4, 4, 4]
    assert [group.id for group in batches[3].stale] == ["000000/0/0001"]
    assert [batch.stale for batch in batches[:3]] == [[], [], []]
    assert list(journal.db.execute("SELECT count(*) FROM rollouts WHERE dropped = 'stale'")) == [(2,)]


def test_a_long_response_in_time_is_trained_on_first(journal: Journal) -> None:
    async def story(collector: Collector) -> Batch:
        await collector.batch()
        engine.word.set()
        collector.loaded(1)
        await settled(collector)
        return await collector.batch()

    engine = Parrot(unsure=EVERYBODY, slow=lambda request: request.id.startswith("000000/0/0001"))
    batch = collecting(config(max_lag=2, steps=10), engine, journal, story)
    assert "000000/0/0001" in [group.id for group in batch.groups]


def test_a_killed_run_asks_only_for_what_is_missing(journal: Journal) -> None:
    first, judge = Parrot(EVERYBODY, slow=lambda request: request.id.endswith("3/001")), Judge()

    async def until_killed(collector: Collector) -> None:
        await settled(collector, waiting=1)

    collecting(config(), first, journal, until_killed, judge)
    assert journal.counts() == {"issued": 1, "generated": 1, "judged": 6}
    again, judge_again = Parrot(EVERYBODY), Judge()
    batch = collecting(config(), again, journal, one, judge_again)
    assert [request.id for request in again.asked] == ["000000/0/0003/001"]
    assert judge_again.judged == ["000000/0/0003/000", "000000/0/0003/001"]
    whole = Journal(Path(":memory:"))
    other = collecting(config(), Parrot(EVERYBODY), whole, one)
    whole.close()
    for field in ("rollout", "reward"):
        assert [getattr(j, field) for g in batch.groups for j in g.judged] == [
            getattr(j, field) for g in other.groups for j in g.judged
        ]


def test_what_ends_the_sampling_ends_the_batch(journal: Journal) -> None:
    class Broken(Parrot):
        async def sample(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[Rollout]:
            raise RuntimeError("out of memory")
            yield

    with pytest.raises(RuntimeError, match="out of memory"):
        collecting(config(), Broken(set()), journal, one)


def test_a_control_replaces_rewards_and_leaves_verdicts(journal: Journal) -> None:
    settings = config(control="random", group_size=8)
    groups = collecting(settings, Parrot(set()), journal, one).groups
    rewards = [j.reward for g in groups for j in g.judged]
    assert set(rewards) == {0.0, 1.0}
    assert {j.verdict.score for g in groups for j in g.judged} == {1.0}
    other = Journal(Path(":memory:"))
    again = collecting(settings, Parrot(set()), other, one).groups
    other.close()
    assert [j.reward for g in again for j in g.judged] == rewards


def test_what_is_asked_depends_on_the_seed_alone(journal: Journal) -> None:
    def requests(seed: int) -> list[Request]:
        book, engine = Journal(Path(":memory:")), Parrot(EVERYBODY)
        collecting(config(seed=seed), engine, book, one)
        book.close()
        return engine.asked

    assert requests(0) == requests(0)
    assert requests(0) != requests(1)


def test_seeds_are_63_bits_that_belong_to_a_name() -> None:
    seeds = [seed_of(seed, f"name/{i}") for seed in range(3) for i in range(500)]
    assert len(set(seeds)) == len(seeds)
    assert 0 <= min(seeds) < 2**57 < 2**62 < max(seeds) < 2**63
    assert seed_of(1, "name/7") == seeds[507]


@pytest.mark.parametrize("lag", [1, 2])
def test_a_failure_of_which_nobody_was_told_at_once_ends_the_wait(journal: Journal, lag: int) -> None:
    """It came while the learner was at work, and nothing else is under way that could wake whoever waits now."""
    engine = Parrot(EVERYBODY, slow=lambda request: int(request.id[:6]) == lag)

    async def story(collector: Collector) -> None:
        for step in range(1, lag + 1):
            train(journal, step, await collector.batch())
        engine.word.set()
        judge.fails = True
        await asyncio.gather(*collector._tasks, return_exceptions=True)
        collector.loaded(lag)
        with pytest.raises(RuntimeError, match="the disk is full"):
            await collector.batch()

    class Failing(Judge):
        fails = False

        async def grade_many(self, items: Sequence[Item]) -> list[Verdict]:
            if self.fails:
                raise RuntimeError("the disk is full")
            return await super().grade_many(items)

    judge = Failing()
    collecting(config(max_lag=lag, steps=lag + 1), engine, journal, story, judge)
