"""Engine and learner are compared once, at the start, and a run that they do not agree on does not begin."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from rlvr.config import RL, Sampling, Tasks
from rlvr.errors import WorkFailed
from rlvr.guards.agreement import Compared
from rlvr.samples import Prompt, Request, Rollout, Sample
from verifiers import Task

PROMPTS = [Prompt(Task(id=f"t{i}", prompt="?", verifier="exact", reference="1"), (i,)) for i in range(20)]
CONFIG = RL(tasks=Tasks(train=""), sampling=Sampling(max_tokens=5, temperature=0.7))


class Teller:
    """An engine and a learner in one: what the latter says of a token is off by so much."""

    def __init__(self, off: float) -> None:
        self.off = off
        self.asked: list[Sampling] = []
        self.loads: list[int] = []

    async def sample(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[Rollout]:
        self.asked.append(sampling)
        for r in reversed(requests):
            yield Rollout(r.id, r.prompt_ids, (1, 2), (1, 1), (-0.5, -r.seed), (0, 0), "stop", "")

    async def load(self, weights: Any, version: int) -> None:
        self.loads.append(version)

    async def logprobs(self, samples: Sequence[Sample]) -> list[float]:
        return [logprob + self.off for sample in samples for logprob in sample.rollout.logprobs]


def test_they_are_compared_once_at_the_sampling_temperature() -> None:
    teller = Teller(off=0.001)
    engine = Compared(teller, teller, PROMPTS, CONFIG)
    asyncio.run(engine.load("w", 0))
    asyncio.run(engine.load("w", 1))
    assert teller.loads == [0, 1]
    assert teller.asked == [Sampling(max_tokens=5, temperature=0.7)]
    assert engine.difference == pytest.approx(0.001)


@pytest.mark.parametrize("off", [0.2, -0.2, float("nan")])
def test_a_run_does_not_begin_when_they_differ(off: float) -> None:
    teller = Teller(off)
    with pytest.raises(WorkFailed, match=r"differ by .* nats a token .* more than engine.tolerance \(0.05\)"):
        asyncio.run(Compared(teller, teller, PROMPTS, CONFIG).load("w", 0))
