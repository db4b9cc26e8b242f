"""Advantages from a critic: the recursion, tool spans, whitening."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from rlvr.learner.gae import at_last, gae, whiten

SEQ = torch.tensor([0, 0, 0, 1, 1, 3, 3, 3, 3])
"""Sequences of 3, 2, 0 and 4 tokens."""


@pytest.fixture
def reward() -> Tensor:
    torch.manual_seed(0)
    return torch.randn(9)


@pytest.fixture
def value() -> Tensor:
    torch.manual_seed(1)
    return torch.randn(9)


def looped(reward: Tensor, value: Tensor, mask: Tensor, gamma: float, lam: float) -> list[float]:
    """The definition, one token at a time; tokens that are not trained are as if they were not there."""
    advantages = [0.0] * len(reward)
    for sequence in SEQ.unique().tolist():
        running = ahead = 0.0
        for t in reversed(range(len(reward))):
            if SEQ[t] == sequence and mask[t]:
                surprise = float(reward[t]) + gamma * ahead - float(value[t])
                running, ahead = surprise + gamma * lam * running, float(value[t])
                advantages[t] = running
    return advantages


@pytest.mark.parametrize(("gamma", "lam"), [(1.0, 0.95), (0.9, 0.5), (1.0, 0.0), (1.0, 1.0)])
@pytest.mark.parametrize("mask", [[1] * 9, [1, 0, 1, 0, 0, 1, 0, 0, 1]])
def test_it_is_the_recursion(reward: Tensor, value: Tensor, mask: list[int], gamma: float, lam: float) -> None:
    trained = torch.tensor(mask)
    advantage, returns = gae(reward, value, trained, SEQ, gamma, lam)
    assert advantage.tolist() == pytest.approx(looped(reward, value, trained, gamma, lam), abs=1e-6)
    torch.testing.assert_close(returns, torch.where(trained > 0, advantage + value, 0.0))


def test_with_lambda_one_it_is_the_reward_to_go_less_the_value(reward: Tensor, value: Tensor) -> None:
    advantage, returns = gae(reward, value, torch.ones(9), SEQ, 1.0, 1.0)
    to_go = torch.cat([part.flip(0).cumsum(0).flip(0) for part in reward.split([3, 2, 4])])
    torch.testing.assert_close(returns, to_go)
    torch.testing.assert_close(advantage, to_go - value)


@pytest.mark.parametrize("rubbish", [math.nan, math.inf, 1e30])
def test_a_tool_span_is_stepped_over_whatever_it_holds(reward: Tensor, value: Tensor, rubbish: float) -> None:
    mask = torch.tensor([1, 0, 1, 1, 1, 1, 0, 0, 1])
    kept = mask > 0
    without, _ = gae(reward[kept], value[kept], torch.ones(6), SEQ[kept], 0.9, 0.8)
    dirty = [torch.where(kept, x, rubbish) for x in (reward, value)]
    advantage, returns = gae(*dirty, mask, SEQ, 0.9, 0.8)
    assert torch.equal(advantage[kept], without)
    assert (advantage[~kept] == 0).all()
    assert (returns[~kept] == 0).all()


@given(st.lists(st.floats(-100, 100, width=32), min_size=3, max_size=20))
def test_whitened_has_mean_0_and_variance_1(values: list[float]) -> None:
    x, mask = torch.tensor([*values, math.nan]), torch.tensor([*[1] * len(values), 0])
    white = whiten(x, mask)
    assert white[-1] == 0
    assert float(white.double().mean()) == pytest.approx(0, abs=1e-4)
    if max(values) - min(values) > 1:
        assert float(white[:-1].double().var()) == pytest.approx(1, rel=1e-3)
    shifted = whiten(x, mask, shift=False)[:-1].double()
    assert float(shifted.mean()) == pytest.approx(sum(values) / len(values), rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("trained", [0, 1])
def test_too_few_to_whiten(trained: int) -> None:
    mask = torch.tensor([trained, 0])
    assert whiten(torch.tensor([3.0, 4.0]), mask).tolist() == [0, 0]


def test_the_reward_lies_on_the_last_trained_token() -> None:
    mask = torch.tensor([1, 1, 0, 1, 1, 0, 0, 0, 0])
    assert at_last(torch.tensor([5.0, 6, 7, 8]), mask, SEQ).tolist() == [0, 5, 0, 0, 6, 0, 0, 0, 0]


def test_nothing_to_train_is_no_error() -> None:
    none = torch.zeros(9)
    advantage, returns = gae(none, none, none, SEQ, 1.0, 0.95)
    assert advantage.tolist() == returns.tolist() == [0] * 9
