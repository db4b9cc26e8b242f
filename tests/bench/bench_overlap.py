"""Seconds a step of the real loop, with engines that only take their time, beside a simulation of the same rules.

Response lengths follow the distribution published with asynchronous trainers: log-normal with a mean of 1,500 tokens
and a sigma of 0.9, cut at 8,192 (AReaL, arXiv 2505.24298). The engines have so many slots that a step's tokens take
about as long to sample as to learn from. The simulation is written on its own, over events instead of tasks.
"""

import argparse
import asyncio
import heapq
import math
import random
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from measure import report
from rlvr.config import RL, Sampling, Tasks
from rlvr.journal import Journal
from rlvr.loop import train
from rlvr.samples import Prompt, Request, Rollout, Sample
from verifiers import Item, Task, Verdict

PROMPTS, GROUP, SLOTS = 32, 8, 128
MEAN, SIGMA, LONGEST = 1500.0, 0.9, 8192.0
LEARN, SYNC = 2400.0, 60.0
"""An optimizer step and a weight update, in tokens of one response."""
FIRST = 2
"""Steps before the pipeline is full, which do not count."""


def length(id: str) -> float:
    """Tokens of the response with this id."""
    return min(LONGEST, random.Random(id).lognormvariate(math.log(MEAN) - SIGMA**2 / 2, SIGMA))


class Sleepers:
    """Engines with slots: a response takes as long as it is, once it has one."""

    def __init__(self, token_s: float) -> None:
        self.token_s, self.slots, self.version = token_s, asyncio.Semaphore(SLOTS), 0
        self.busy = 0.0

    async def sample(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[Rollout]:
        arrived: asyncio.Queue[Rollout] = asyncio.Queue()
        tasks = [asyncio.create_task(self.one(request, arrived)) for request in requests]
        for _ in tasks:
            yield await arrived.get()

    async def one(self, request: Request, arrived: "asyncio.Queue[Rollout]") -> None:
        async with self.slots:
            version, seconds = self.version, length(request.id) * self.token_s
            await asyncio.sleep(seconds)
            self.busy += seconds
        text = str(int(request.id[-1]) % 2)
        arrived.put_nowait(Rollout(request.id, request.prompt_ids, (1,), (1,), (-1.0,), (version,), "stop", text))

    async def load(self, weights: Any, version: int) -> None:
        await asyncio.sleep(SYNC * self.token_s)
        self.version = version


class Sleeper:
    """A learner that takes its time."""

    def __init__(self, token_s: float) -> None:
        self.token_s = token_s

    async def step(self, samples: Sequence[Sample]) -> dict[str, float]:
        await asyncio.sleep(LEARN * self.token_s)
        return {}

    async def weights(self) -> None: ...
    async def checkpoint(self, step: int) -> None: ...
    async def restore(self) -> int:
        return 0


class Judge:
    async def grade_many(self, items: Sequence[Item]) -> list[Verdict]:
        return [Verdict.of_score(float(item.response)) for item in items]


def measured(max_lag: int, steps: int, token_s: float) -> tuple[float, float]:
    """Seconds a step, and the share of the engines' slots that was idle."""
    ends: list[float] = []
    busy: list[float] = []

    async def run(folder: Path) -> None:
        config = RL(
            tasks=Tasks(train=""), steps=steps, prompts_per_step=PROMPTS, group_size=GROUP, max_lag=max_lag, refill=0
        )
        prompts = [Prompt(Task(id=f"t{i}", prompt="", verifier="exact", reference="1"), (i,)) for i in range(64)]
        engine, journal = Sleepers(token_s), Journal(folder / "journal.sqlite")

        async def validate(step: int) -> dict[str, float]:
            return {}

        def log(step: int, metrics: dict[str, float]) -> None:
            ends.append(time.monotonic())
            busy.append(engine.busy)

        await train(config, prompts, engine, Judge(), Sleeper(token_s), journal, validate, log)
        journal.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))
    passed = ends[-1 - max_lag] - ends[FIRST]  # the last steps have nothing to sample ahead for
    return passed / (steps - max_lag - FIRST), 1 - (busy[-1 - max_lag] - busy[FIRST]) / (passed * SLOTS)


def simulated(max_lag: int, steps: int) -> float:
    """Tokens a step, by events: a response gets the first free slot; a batch is the first groups to be whole."""
    slots = [0.0] * SLOTS
    whole: list[float] = []
    issued, trained_at = 0, [0.0]
    for step in range(steps):
        # A batch that is cut makes room under the old version, and the update that follows makes more.
        for version, at in ((step - 1, trained_at[step] - LEARN - SYNC), (step, trained_at[step])):
            allowed = min(version + max_lag + 1, steps) * PROMPTS
            for number in range(issued, max(issued, allowed)):
                name = f"{number // PROMPTS:06}/0/{number % PROMPTS:04}"
                ends = []
                for sample in range(GROUP):
                    start = max(at, heapq.heappop(slots))
                    ends.append(start + length(f"{name}/{sample:03}"))
                    heapq.heappush(slots, ends[-1])
                heapq.heappush(whole, max(ends))
            issued = max(issued, allowed)
        cut = [heapq.heappop(whole) for _ in range(PROMPTS)]
        trained_at.append(max(trained_at[step], cut[-1]) + LEARN + SYNC)
    return (trained_at[steps - max_lag] - trained_at[FIRST]) / (steps - max_lag - FIRST)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=14)
    parser.add_argument("--token-us", type=float, default=400.0, help="microseconds of a token")
    options = parser.parse_args()
    token_s = options.token_us / 1e6
    found: dict[str, float] = {}
    for max_lag in (0, 1, 2, 4):
        seconds, idle = measured(max_lag, options.steps, token_s)
        expected = simulated(max_lag, options.steps) * token_s
        found |= {
            f"lag {max_lag}: seconds a step": round(seconds, 3),
            f"lag {max_lag}: simulated seconds a step": round(expected, 3),
            f"lag {max_lag}: measured beside simulated, %": round(100 * (seconds / expected - 1), 1),
            f"lag {max_lag}: slots idle, %": round(100 * idle, 1),
        }
    found["speed-up of lag 2"] = round(found["lag 0: seconds a step"] / found["lag 2: seconds a step"], 2)
    report("overlap", found)


if __name__ == "__main__":
    main()
