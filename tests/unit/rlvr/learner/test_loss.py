"""The policy objective: which side is clipped, what is capped, and how much a token counts."""

import math

import pytest
import torch
from torch import Tensor

from rlvr.learner.loss import RATIO_CLAMP, clipped, importance, ratio, weights

MASK = torch.tensor([1, 0, 1, 1, 0, 0, 1])
SEQ = torch.tensor([0, 0, 0, 1, 1, 2, 3])
"""Four sequences with 2, 1, 0 and 1 trained tokens."""


def test_on_policy_the_ratio_is_one_and_the_gradient_is_reinforce() -> None:
    logp = torch.tensor([-0.5, -2.0, -30.0], requires_grad=True)
    advantage = torch.tensor([1.0, -2.0, 0.5])
    assert ratio(logp, logp.detach()).tolist() == [1, 1, 1]
    loss = clipped(logp, logp.detach(), advantage, 0.2, 0.28)
    assert loss.tolist() == (-advantage).tolist()
    loss.sum().backward()  # type: ignore[no-untyped-call]
    assert logp.grad is not None
    assert logp.grad.tolist() == (-advantage).tolist()


@pytest.mark.parametrize(
    ("rho", "advantage", "loss", "moves"),
    [
        (1.1, 1.0, -1.1, True),
        (1.5, 1.0, -1.28, False),  # likelier and good: enough
        (0.5, 1.0, -0.5, True),  # good and now rarer: bring it back
        (0.5, -1.0, 0.8, False),  # rarer and bad: enough
        (1.5, -1.0, 1.5, True),  # bad and now likelier: bring it back
    ],
)
def test_the_clip_stops_moves_that_went_far_enough(rho: float, advantage: float, loss: float, moves: bool) -> None:
    logp = torch.tensor([math.log(rho)], requires_grad=True)
    value = clipped(logp, torch.zeros(1), torch.tensor([advantage]), 0.2, 0.28)
    assert value.item() == pytest.approx(loss, abs=1e-6)
    [slope] = torch.autograd.grad(value, logp)
    assert slope.item() == pytest.approx(-advantage * rho if moves else 0, abs=1e-6)


def test_an_absurd_ratio_stays_finite() -> None:
    far = ratio(torch.tensor([0.0, -1000.0]), torch.tensor([-1000.0, 0.0]))
    assert far.tolist() == pytest.approx([math.exp(RATIO_CLAMP), math.exp(-RATIO_CLAMP)])


def test_the_importance_weight_is_capped_above_only_and_carries_no_gradient() -> None:
    old = torch.log(torch.tensor([0.5, 0.5, 0.5, 0.5])).requires_grad_()
    sampler = torch.log(torch.tensor([0.5, 0.4, 0.01, 0.9]))
    weight = importance(old, sampler, torch.ones(4), torch.arange(4), "truncate", "token", 0.5, 2.0)
    assert weight.tolist() == pytest.approx([1, 1.25, 2.0, 0.5 / 0.9])
    assert not weight.requires_grad


@pytest.mark.parametrize(
    ("aggregation", "expected"),
    [
        ("token", [1 / 4, 0, 1 / 4, 1 / 4, 0, 0, 1 / 4]),
        ("sequence", [1 / 6, 0, 1 / 6, 1 / 3, 0, 0, 1 / 3]),
        ("constant", [1 / 30, 0, 1 / 30, 1 / 30, 0, 0, 1 / 30]),
    ],
)
def test_golden_weights(aggregation: str, expected: list[float]) -> None:
    """The third sequence trains nothing and does not count as one."""
    assert weights(MASK, SEQ, aggregation, longest=10).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("aggregation", ["token", "sequence", "constant"])
@pytest.mark.parametrize("tokens", [0, 3])
def test_nothing_to_train_weighs_nothing(aggregation: str, tokens: int) -> None:
    none = torch.zeros(tokens, dtype=torch.long)
    weight = weights(none, none, aggregation, longest=10)
    assert weight.shape == (tokens,)
    assert weight.tolist() == [0] * tokens


@pytest.mark.parametrize("aggregation", ["token", "sequence", "constant"])
def test_the_order_of_sequences_changes_no_weight(aggregation: str) -> None:
    def of(seq: Tensor, mask: Tensor) -> list[float]:
        return weights(mask, seq, aggregation, longest=10).tolist()  # type: ignore[no-any-return]

    assert of(3 - SEQ.flip(0), MASK.flip(0)) == pytest.approx(of(SEQ, MASK)[::-1])
