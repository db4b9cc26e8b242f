"""Advantages: the published formulas, and who takes part."""

from collections.abc import Callable
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlvr.learner import advantage
from rlvr.samples import Group, Judged, Rollout
from verifiers import Task, Verdict

REWARDS = st.lists(st.floats(-10, 10, width=32), min_size=2, max_size=9).filter(lambda r: max(r) - min(r) > 1e-2)
TASK = Task(id="t", prompt="p", verifier="exact", reference="A")


@pytest.fixture
def group(rollout: Callable[..., Rollout]) -> Callable[..., Group]:
    def make(*rewards: float | None, name: str = "g") -> Group:
        verdict = Verdict.error("broken")
        return Group(name, TASK, tuple(Judged(rollout(f"{name}/{i}"), verdict, r) for i, r in enumerate(rewards)))

    return make


def test_golden_values() -> None:
    assert advantage.mean([1, 0, 0, 1]) == [0.5, -0.5, -0.5, 0.5]
    assert advantage.rloo([1, 0, 0]) == pytest.approx([1, -0.5, -0.5])
    high = 0.75**0.5
    assert advantage.grpo([1, 0, 0, 1], epsilon=0) == pytest.approx([high, -high, -high, high])
    assert advantage.grpo([2, 4], epsilon=1.0) == pytest.approx([-1 / (2**0.5 + 1), 1 / (2**0.5 + 1)])


@given(REWARDS)
def test_the_standard_deviation_is_unbiased(rewards: list[float]) -> None:
    expected = [(r - fmean(rewards)) / (stdev(rewards) + 1e-6) for r in rewards]
    assert advantage.grpo(rewards) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(REWARDS)
def test_rloo_leaves_one_out(rewards: list[float]) -> None:
    others = [fmean(rewards[:i] + rewards[i + 1 :]) for i in range(len(rewards))]
    expected = [r - mean for r, mean in zip(rewards, others, strict=True)]
    assert advantage.rloo(rewards) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", sorted(advantage.ESTIMATORS))
@given(rewards=REWARDS, shift=st.floats(-100, 100))
def test_a_shift_changes_nothing_and_the_sum_is_zero(name: str, rewards: list[float], shift: float) -> None:
    estimate = advantage.ESTIMATORS[name]
    assert sum(estimate(rewards)) == pytest.approx(0, abs=1e-6)
    assert estimate([r + shift for r in rewards]) == pytest.approx(estimate(rewards), rel=1e-5, abs=1e-7)


@given(REWARDS, st.floats(0.1, 10))
def test_scale(rewards: list[float], factor: float) -> None:
    """`mean` and `rloo` follow the scale of the rewards, `grpo` does not."""
    scaled = [factor * r for r in rewards]
    for linear in (advantage.mean, advantage.rloo):
        assert linear(scaled) == pytest.approx([factor * a for a in linear(rewards)], abs=1e-6)
    assert advantage.grpo(scaled) == pytest.approx(advantage.grpo(rewards), rel=1e-2)


@pytest.mark.parametrize(
    ("rewards", "informative"),
    [
        ((1, 0), True),
        ((1, None, 0), True),
        ((), False),
        ((1,), False),
        ((1, 1), False),
        ((1, None), False),
        ((None, None), False),
        ((0.1 + 0.2, 0.3), False),  # rounding noise
    ],
)
def test_what_is_informative(rewards: tuple[float | None, ...], informative: bool, group: Callable[..., Group]) -> None:
    assert advantage.informative(group(*rewards)) is informative


@pytest.mark.parametrize("name", sorted(advantage.ESTIMATORS))
def test_an_error_takes_no_part(name: str, group: Callable[..., Group]) -> None:
    with_errors = advantage.samples([group(None, 1, None, 0, 0)], name)
    assert [s.rollout.id for s in with_errors] == ["g/1", "g/3", "g/4"]
    assert [s.advantage for s in with_errors] == [s.advantage for s in advantage.samples([group(1, 0, 0)], name)]


def test_groups_stay_in_order_and_apart(group: Callable[..., Group]) -> None:
    batch = advantage.samples([group(1, 0, name="a"), group(1, 1, name="b"), group(0, 0.5, name="c")], "mean")
    assert [(s.rollout.id, s.advantage) for s in batch] == [("a/0", 0.5), ("a/1", -0.5), ("c/0", -0.25), ("c/1", 0.25)]


def test_a_low_variance_is_not_floored() -> None:
    assert advantage.grpo([1.0, 1.00001]) == pytest.approx([-0.62, 0.62], abs=0.02)


def test_groups_are_those_of_the_same_name() -> None:
    got = advantage.by_group(["a", "b", "a", "b", "c"], [1, 10, 3, 20, 7], "mean")
    assert got == [-1, -5, 1, 5, 0]


def test_a_critic_learns_from_every_reward(group: Callable[..., Group]) -> None:
    batch = advantage.samples([group(1, 1, name="a"), group(None, 0.5, name="b"), group(None, name="c")], "gae")
    assert [(s.rollout.id, s.advantage, s.reward) for s in batch] == [("a/0", 0, 1), ("a/1", 0, 1), ("b/1", 0, 0.5)]
    assert [advantage.trainable(group(1, 1), estimator) for estimator in ("gae", "mean")] == [True, False]
