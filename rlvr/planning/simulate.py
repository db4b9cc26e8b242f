"""How long would a step take? Sampling and learning as events: responses of random lengths, on so many slots.

A slot samples one response at a time; the learner takes a step once a batch is there, and weights go out after it.
Sampling runs at most `max_lag` versions ahead, by the rule of `rlvr/collect.py`. Leaves out: verification, which runs
beside, and engines that slow down as they fill up.
"""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean

STEPS = 30


@dataclass(frozen=True, slots=True)
class Rates:
    """What a machine does, as measured, and what it is asked for. Seconds."""

    batch: int
    """Responses a step."""
    slots: int
    """Responses sampled at once."""
    response: Callable[[random.Random], float]
    """Draws how long one response takes."""
    learn: float
    """Of a learner's step."""
    sync: float
    """Until the engines have new weights."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Of one setting of `max_lag`."""

    max_lag: int
    step_s: float
    idle: float
    """Share of the slots' time in which they sample nothing."""
    lag: float
    """Mean versions between sampling and training."""
    dropped: float
    """Share of the responses that are too old by then."""


def forecast(rates: Rates, max_lag: int, seed: int = 0) -> Forecast:
    """Run `STEPS` steps. Deterministic in the seed."""
    return _Run(rates, max_lag, random.Random(seed)).forecast()


class _Run:
    def __init__(self, rates: Rates, max_lag: int, rng: random.Random) -> None:
        self.rates, self.max_lag, self.rng = rates, max_lag, rng
        self.now = self.busy = 0.0
        self.version = self.cut = self.dropped = 0
        self.running: list[tuple[float, int]] = []
        """(When a response will be done, version it began with)."""
        self.ready: list[int] = []
        self.learning: float | None = None
        """When the step will be done."""
        self.lags: list[int] = []

    def forecast(self) -> Forecast:
        while self.version < STEPS:
            self._learn()
            self._sample()
            ends = [self.running[0][0]] if self.running else []
            self.now = min([*ends, *([] if self.learning is None else [self.learning])])
            if self.learning is not None and self.learning <= self.now:
                self.learning, self.version = None, self.version + 1
            while self.running and self.running[0][0] <= self.now:
                self.ready.append(heapq.heappop(self.running)[1])
        taken = len(self.lags) + self.dropped
        idle = 1 - self.busy / (self.rates.slots * self.now)
        return Forecast(self.max_lag, self.now / STEPS, max(0.0, idle), fmean(self.lags), self.dropped / taken)

    def _sample(self) -> None:
        """Begin as many responses as there are slots for, and room within the bound."""
        allowed = (min(self.version + self.max_lag + 1, STEPS) - self.cut) * self.rates.batch
        free = min(self.rates.slots - len(self.running), allowed - len(self.ready) - len(self.running))
        for _ in range(max(0, free)):
            seconds = self.rates.response(self.rng)
            self.busy += seconds
            heapq.heappush(self.running, (self.now + seconds, self.version))

    def _learn(self) -> None:
        if self.learning is not None:
            return
        fresh = [version for version in self.ready if self.cut - version <= self.max_lag]
        self.dropped += len(self.ready) - len(fresh)
        self.ready = sorted(fresh)
        if len(fresh) >= self.rates.batch:
            batch, self.ready = self.ready[: self.rates.batch], self.ready[self.rates.batch :]
            self.lags += [self.cut - version for version in batch]
            self.cut += 1
            self.learning = self.now + self.rates.learn + self.rates.sync
