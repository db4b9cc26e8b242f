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
"""By comparison within a group. `gae` is none of them: a critic gives it, in the learner."""

AGREE = 1e-6
"""Rewards closer than this are equal. A test for std == 0 would let rounding noise through."""


def by_group(names: Sequence[str], rewards: Sequence[float], estimator: str) -> list[float]:
    """Advantages of rewards whose groups have these names. A group of one has nothing to compare with: 0."""
    members: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        members.setdefault(name, []).append(place)
    advantages = [0.0] * len(rewards)
    for places in members.values():
        if len(places) > 1:
            of_group = ESTIMATORS[estimator]([rewards[place] for place in places])
            for place, advantage in zip(places, of_group, strict=True):
                advantages[place] = advantage
    return advantages


def rewarded(group: Group) -> list[tuple[Rollout, float]]:
    """The rollouts that have a reward: an `error` says nothing of the model."""
    return [(judged.rollout, judged.reward) for judged in group.judged if judged.reward is not None]


def informative(group: Group) -> bool:
    """Whether rewards differ within the group; if not, comparing them gives an advantage of 0."""
    rewards = [reward for _, reward in rewarded(group)]
    return len(rewards) > 1 and max(rewards) - min(rewards) > AGREE


def trainable(group: Group, estimator: str) -> bool:
    """Whether the group teaches anything: to a critic every reward does, to a comparison only rewards that differ."""
    return bool(rewarded(group)) if estimator == "gae" else informative(group)


def samples(groups: Iterable[Group], estimator: str) -> list[Sample]:
    """The trainable samples, in order. Errors take part neither in the mean nor in the batch.

    With `gae` the advantage is 0 here, and the learner's critic gives it from the reward.
    """
    batch: list[Sample] = []
    for group in groups:
        if trainable(group, estimator):
            rollouts, rewards = zip(*rewarded(group), strict=True)
            advantages = [0.0] * len(rewards) if estimator == "gae" else ESTIMATORS[estimator](rewards)
            batch += map(Sample, rollouts, advantages, rewards)
    return batch
