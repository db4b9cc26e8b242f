"""From rewards to advantages. Plain numbers in fp64; each function names its equation."""

from collections.abc import Callable, Iterable, Sequence
from statistics import fmean, stdev

from rlvr.samples import Group, Rollout, Sample


def mean(rewards: Sequence[float]) -> list[float]:
    """r - mean(r): Dr. GRPO (arXiv 2503.20783), without the division that favours easy and hard prompts."""
    centre = fmean(rewards)
    return [reward - centre for reward in rewards]


def grpo(rewards: Sequence[float], epsilon: float = 1e-6) -> list[float]:
    """(r - mean(r)) / (std(r) + epsilon), unbiased: DeepSeekMath (arXiv 2402.03300) section 4.1.2."""
    spread = stdev(rewards) + epsilon
    return [advantage / spread for advantage in mean(rewards)]


def rloo(rewards: Sequence[float]) -> list[float]:
    """r - mean of the others = n/(n-1) (r - mean(r)): RLOO (arXiv 2402.14740)."""
    n = len(rewards)
    return [n / (n - 1) * advantage for advantage in mean(rewards)]


ESTIMATORS: dict[str, Callable[[Sequence[float]], list[float]]] = {"mean": mean, "grpo": grpo, "rloo": rloo}

AGREE = 1e-6
"""Rewards closer than this are equal. A test for std == 0 would let rounding noise through."""


def rewarded(group: Group) -> list[tuple[Rollout, float]]:
    """The rollouts that have a reward: an `error` says nothing of the model."""
    return [(judged.rollout, judged.reward) for judged in group.judged if judged.reward is not None]


def informative(group: Group) -> bool:
    """Whether rewards differ within the group; if not, every advantage is 0."""
    rewards = [reward for _, reward in rewarded(group)]
    return len(rewards) > 1 and max(rewards) - min(rewards) > AGREE


def samples(groups: Iterable[Group], estimator: str) -> list[Sample]:
    """The trainable samples of informative groups, in order. Errors take part neither in the mean nor in the batch."""
    batch: list[Sample] = []
    for group in filter(informative, groups):
        rollouts, rewards = zip(*rewarded(group), strict=True)
        batch += map(Sample, rollouts, ESTIMATORS[estimator](rewards))
    return batch
