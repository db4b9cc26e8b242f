"""Our objectives beside TRL 1.16's GRPO loss."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from rlvr.learner.logprob import linear_logprob

pytestmark = pytest.mark.parity
Ragged = Any
"""See conftest.py."""
WIDTH = 17
AGGREGATION = {"grpo": "sequence", "bnpo": "token", "dapo": "token", "dr_grpo": "constant"}
NONE = {"importance": "none", "old": "learner"}
Trl = Callable[..., Tensor]


@pytest.mark.parametrize("loss_type", AGGREGATION)
def test_clipped_ratio(ragged: Ragged, trl_loss: Trl, loss_type: str) -> None:
    ragged.check(trl_loss(ragged, loss_type), ragged.ours(objective=NONE | {"aggregation": AGGREGATION[loss_type]}))


@pytest.mark.parametrize("loss_type", ["bnpo", "dapo"])
def test_spans_that_are_not_trained(make: Callable[..., Ragged], trl_loss: Trl, loss_type: str) -> None:
    ragged = make(holes=True)
    ragged.check(trl_loss(ragged, loss_type), ragged.ours(objective=NONE | {"aggregation": "token"}))


@pytest.mark.parametrize("loss_type", AGGREGATION)
def test_corrected_k3_in_the_loss(ragged: Ragged, trl_loss: Trl, loss_type: str) -> None:
    settings = NONE | {"aggregation": AGGREGATION[loss_type], "kl": {"beta": 0.04, "estimator": "k3"}}
    theirs = trl_loss(ragged, loss_type, beta=0.04, use_bias_correction_kl=True)
    ragged.check(theirs, ragged.ours(objective=settings))


def test_gspo(ragged: Ragged, trl_loss: Trl) -> None:
    theirs = trl_loss(ragged, "grpo", importance_sampling_level="sequence", epsilon_low=3e-2, epsilon_high=4e-2)
    settings = NONE | {"policy": "gspo", "aggregation": "sequence", "clip_low": 3e-2, "clip_high": 4e-2}
    ragged.check(theirs, ragged.ours(objective=settings))


@pytest.mark.parametrize("cap", [1.28, 5.0])
def test_cispo(ragged: Ragged, trl_loss: Trl, cap: float) -> None:
    """Its cap is the ratio itself, ours what the ratio exceeds 1 by."""
    settings = NONE | {"policy": "cispo", "clip_low": 1.0, "clip_high": cap - 1}
    ragged.check(trl_loss(ragged, "cispo", epsilon_high=cap), ragged.ours(objective=settings))


@pytest.mark.parametrize("loss_type", AGGREGATION)
def test_truncated_importance(ragged: Ragged, trl_loss: Trl, loss_type: str) -> None:
    weight = ((ragged.old - ragged.sampler) * ragged.mask).exp().clamp(max=2.0)
    settings: dict[str, Any] = {"old": "learner", "aggregation": AGGREGATION[loss_type]}
    ragged.check(trl_loss(ragged, loss_type, importance=weight), ragged.ours(objective=settings, sampler=True))


def test_truncated_importance_of_sequences(ragged: Ragged, trl_loss: Trl) -> None:
    weight = ((ragged.old - ragged.sampler) * ragged.mask).sum(-1, keepdim=True).exp().clamp(max=2.0)
    settings = {"old": "learner", "importance_level": "sequence"}
    ragged.check(trl_loss(ragged, "dapo", importance=weight), ragged.ours(objective=settings, sampler=True))


def test_masked_importance(ragged: Ragged, trl_loss: Trl) -> None:
    weight = ((ragged.old - ragged.sampler) * ragged.mask).exp()
    weight = torch.where((weight >= 0.5) & (weight <= 2.0), weight, 0.0)
    settings = {"old": "learner", "importance": "mask"}
    ragged.check(trl_loss(ragged, "dapo", importance=weight), ragged.ours(objective=settings, sampler=True))


@pytest.mark.parametrize("limit", [0.01, 0.1])
def test_stale_sequences(ragged: Ragged, trl_loss: Trl, limit: float) -> None:
    theirs = trl_loss(ragged, "dapo", off_policy_mask_threshold=limit)
    ours = ragged.ours(objective=NONE | {"stale_limit": limit}, sampler=True)
    assert not torch.isclose(ours, ragged.ours(objective=NONE, sampler=True), atol=1e-4)
    ragged.check(theirs, ours)


def test_entropy_bonus(ragged: Ragged, trl_loss: Trl) -> None:
    ragged.entropy.requires_grad_()
    theirs = trl_loss(ragged, "dapo", _entropy_bonus_enabled=True, entropy_coef=0.1)
    ragged.check(theirs, ragged.ours(objective=NONE | {"entropy": 0.1}))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_log_probabilities_and_entropies(temperature: float) -> None:
    utils = pytest.importorskip("trl.trainer.utils")
    torch.manual_seed(0)
    hidden, head = torch.randn(WIDTH, 8), torch.randn(33, 8)
    target = torch.randint(0, 33, (WIDTH,))
    logits = (hidden @ head.T / temperature)[None]
    logp, entropy = linear_logprob(hidden, head, target, temperature)
    torch.testing.assert_close(logp, utils.selective_log_softmax(logits, target[None])[0], atol=2e-6, rtol=1e-6)
    torch.testing.assert_close(entropy, utils.entropy_from_logits(logits)[0], atol=1e-5, rtol=1e-5)
