"""Control rewards: they say nothing of the answer, and leave masked what is masked."""

from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlvr.config import Control
from rlvr.guards.controls import rewards

SCORES = st.lists(st.none() | st.floats(0, 1), max_size=9)


@given(SCORES, st.integers(0))
def test_without_a_control_rewards_are_the_scores(scores: list[float | None], seed: int) -> None:
    assert rewards("none", scores, seed) == scores


@pytest.mark.parametrize("control", ["random", "constant", "shuffled"])
@given(SCORES, st.integers(0))
def test_masked_stays_masked(control: Control, scores: list[float | None], seed: int) -> None:
    dealt = rewards(control, scores, seed)
    assert [reward is None for reward in dealt] == [score is None for score in scores]
    assert dealt == rewards(control, scores, seed)


@given(SCORES, st.integers(0))
def test_shuffled_deals_out_the_same_scores(scores: list[float | None], seed: int) -> None:
    def known(values: list[float | None]) -> list[float]:
        return sorted(value for value in values if value is not None)

    assert known(rewards("shuffled", scores, seed)) == known(scores)


def test_shuffled_moves_them() -> None:
    firsts = [rewards("shuffled", [1.0, 0.0, 0.0, 0.0], seed)[0] for seed in range(2000)]
    assert fmean(filter(lambda f: f is not None, firsts)) == pytest.approx(0.25, abs=0.04)  # type: ignore[type-var]


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_random_is_a_fair_coin_whatever_the_score(score: float) -> None:
    coins = [coin for seed in range(500) for coin in rewards("random", [score] * 8, seed) if coin is not None]
    assert set(coins) == {0.0, 1.0}
    assert fmean(coins) == pytest.approx(0.5, abs=0.03)


def test_constant_is_one() -> None:
    assert rewards("constant", [0.0, None, 0.3], 0) == [1.0, None, 1.0]
