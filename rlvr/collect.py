"""Sample and judge one batch: what is asked depends on the seed and the batch's number alone."""

import asyncio
import hashlib
import random
from collections.abc import Sequence
from functools import lru_cache

from rlvr.config import RL
from rlvr.controls import rewards
from rlvr.learner import advantage
from rlvr.partners import Engine, Grader, Journal
from rlvr.samples import Group, Judged, Prompt, Request, Rollout
from verifiers import Item


async def collect(
    batch: int, config: RL, prompts: Sequence[Prompt], engine: Engine, grader: Grader, journal: Journal
) -> list[Group]:
    """One batch, and more rounds in place of groups whose rewards agree."""
    groups: list[Group] = []
    for round in range(1 + config.refill):
        missing = config.prompts_per_step - sum(map(advantage.informative, groups))
        if missing:
            asked = ask(batch, round, missing, config, prompts)
            groups += await one_round(batch, asked, config, engine, grader, journal)
    return groups


def ask(batch: int, round: int, count: int, config: RL, prompts: Sequence[Prompt]) -> "dict[str, Asked]":
    """The prompts of a round, each with its requests, by group id."""
    asked = {}
    for place, prompt in enumerate(pick(config.seed, batch, round, count, prompts)):
        name = f"{batch:06}/{round}/{place:04}"
        ids = [f"{name}/{sample:03}" for sample in range(config.group_size)]
        asked[name] = Asked(prompt, [Request(id, prompt.ids, seed_of(config.seed, id)) for id in ids])
    return asked


class Asked:
    """One prompt's requests, and the rollouts that have come for them."""

    def __init__(self, prompt: Prompt, requests: list[Request]) -> None:
        self.prompt = prompt
        self.requests = requests
        self.rollouts: dict[str, Rollout] = {}

    @property
    def complete(self) -> bool:
        return len(self.rollouts) == len(self.requests)


async def one_round(
    batch: int, asked: dict[str, Asked], config: RL, engine: Engine, grader: Grader, journal: Journal
) -> list[Group]:
    """Groups are judged while others are still being sampled. What a killed run had sampled is not sampled again."""
    requests = [request for group in asked.values() for request in group.requests]
    journal.issued(batch, [group.prompt for group in asked.values() for _ in group.requests], requests)
    judging: dict[str, asyncio.Task[Group]] = {}

    def take(rollout: Rollout) -> None:
        name = rollout.id.rpartition("/")[0]
        asked[name].rollouts[rollout.id] = rollout
        if asked[name].complete:
            judging[name] = asyncio.create_task(judge(name, asked[name], config, grader, journal))

    try:
        sampled = journal.sampled(request.id for request in requests)
        for rollout in sampled.values():
            take(rollout)
        async for rollout in engine.sample([r for r in requests if r.id not in sampled], config.sampling):
            journal.generated([rollout])
            take(rollout)
        return await asyncio.gather(*(judging[name] for name in asked))
    finally:
        for task in judging.values():
            task.cancel()


async def judge(name: str, asked: Asked, config: RL, grader: Grader, journal: Journal) -> Group:
    task = asked.prompt.task
    rollouts = [asked.rollouts[request.id] for request in asked.requests]
    verdicts = await grader.grade_many(
        [Item(r.id, task.verifier, r.text, task.reference, task.params) for r in rollouts]
    )
    scores = rewards(config.control, [verdict.score for verdict in verdicts], seed_of(config.seed, f"control/{name}"))
    judged = tuple(map(Judged, rollouts, verdicts, scores))
    journal.judged(judged)
    return Group(name, task, judged)


def pick(seed: int, batch: int, round: int, count: int, prompts: Sequence[Prompt]) -> list[Prompt]:
    """The first round goes through all prompts, shuffled anew each epoch; refills draw at random."""
    if round:
        return random.Random(f"{seed}/refill/{batch}/{round}").choices(prompts, k=count)
    places = (divmod(i, len(prompts)) for i in range(batch * count, (batch + 1) * count))
    return [prompts[_epoch(seed, epoch, len(prompts))[place]] for epoch, place in places]


@lru_cache(maxsize=2)
def _epoch(seed: int, epoch: int, count: int) -> list[int]:
    order = list(range(count))
    random.Random(f"{seed}/epoch/{epoch}").shuffle(order)
    return order


def seed_of(seed: int, name: str) -> int:
    """63 bits that belong to this name in this run."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()) >> 1
