"""What a measurement says, and how sure it is: intervals, pass@k, differences between models on the same tasks.

Everything is over tasks, not over samples: several samples of one task are no independent evidence (Miller 2024,
arXiv 2411.00640). Nothing here draws at random without a seed.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist, fmean, variance
from typing import Any, NamedTuple

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]

LEVEL = 0.95
RESAMPLES = 10_000


class Estimate(NamedTuple):
    """A value and its 95% interval; None where there are too few tasks to say."""

    value: float
    low: float | None
    high: float | None

    def row(self) -> dict[str, Any]:
        return {"value": self.value, "interval": None if self.low is None else [self.low, self.high]}

    def points(self) -> str:
        """Of a difference of shares, for people."""
        ends = "" if self.low is None or self.high is None else f" [{100 * self.low:+.1f}, {100 * self.high:+.1f}]"
        return f"{100 * self.value:+.1f} points{ends}"


def pass_at(samples: int, correct: int, k: int) -> float:
    """The chance that one of `k` samples is correct, without bias (Chen et al. 2021, arXiv 2107.03374, equation 1)."""
    if not 1 <= k <= samples or not 0 <= correct <= samples:
        raise ValueError(f"expected 1 <= k <= samples and 0 <= correct <= samples; got {k=}, {samples=}, {correct=}")
    return 1.0 - math.prod(1.0 - k / n for n in range(samples - correct + 1, samples + 1))


def share(values: Sequence[float]) -> Estimate:
    """The mean of per-task values in [0, 1], with Wilson's interval (1927).

    Values between 0 and 1 (shares of samples, partial scores) say more than a coin would, so the number of tasks is
    first raised to the number of coins of the same variance (Korn and Graubard 1998). All alike, it stays as it is.
    """
    mean, count = fmean(values), float(len(values))
    spread = variance(values) * (len(values) - 1) / len(values) if len(values) > 1 else 0.0
    if spread > 0:
        count = mean * (1 - mean) / (spread / len(values))
    return Estimate(mean, *wilson(mean, count))


def wilson(mean: float, count: float) -> tuple[float, float]:
    """The 95% interval of a share that was measured on `count` independent tasks."""
    z2 = NormalDist().inv_cdf((1 + LEVEL) / 2) ** 2
    middle = (mean + z2 / (2 * count)) / (1 + z2 / count)
    half = math.sqrt(z2 * (mean * (1 - mean) / count + z2 / (4 * count**2))) / (1 + z2 / count)
    return max(0.0, middle - half), min(1.0, middle + half)


def difference(before: Mapping[str, float], after: Mapping[str, float], seed: int = 0) -> Estimate:
    """Mean gain on the tasks that both have, and its interval by a bootstrap over tasks. Equal values give exactly 0.

    Raises ValueError when they have no task in common.
    """
    common = [name for name in before if name in after]
    if not common:
        raise ValueError("expected values of the same tasks, got none in common")
    gains = np.array([after[name] - before[name] for name in common])
    return resampled(gains, np.ones(len(gains)), seed)


def resampled(numerators: Floats, denominators: Floats, seed: int = 0) -> Estimate:
    """Sum over sum, `(N,)` each, and its percentile interval (Efron 1979) by drawing the N units again and again."""
    value = float(numerators.sum() / denominators.sum())
    if len(numerators) < 2:
        return Estimate(value, None, None)
    low, high = np.quantile(_ratios(numerators, denominators, seed), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high))


def relative(before: Floats, after: Floats, seed: int = 0) -> Estimate:
    """The sum of `after` over that of `before`, less 1, with the same units drawn for both."""
    found = resampled(after, before, seed)
    return Estimate(found.value - 1, *(None if end is None else end - 1 for end in found[1:]))


def _ratios(numerators: Floats, denominators: Floats, seed: int) -> Floats:
    """`(RESAMPLES,)`. Some at a time: many units would need much memory."""
    rng, size = np.random.default_rng(seed), len(numerators)
    at_once = max(1, 4_000_000 // size)
    parts = []
    for start in range(0, RESAMPLES, at_once):
        drawn = rng.integers(size, size=(min(at_once, RESAMPLES - start), size))
        parts.append(numerators[drawn].sum(1) / denominators[drawn].sum(1))
    return np.concatenate(parts)
