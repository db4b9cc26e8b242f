"""Our objectives and terms beside OpenRLHF 0.11.2's."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from rlvr.learner import loss

pytestmark = pytest.mark.parity
Ragged = Any
"""See conftest.py."""
WIDTH = 17
NONE = {"importance": "none", "old": "learner"}


def theirs(openrlhf: Any, batch: Ragged, **settings: Any) -> Tensor:
    policy_loss = openrlhf.loss.PolicyLoss(0.2, 0.28, **settings)
    advantage = batch.advantage[:, None].expand(-1, WIDTH)
    answer: Tensor = policy_loss(batch.new, batch.old, advantage, batch.mask, rollout_log_probs=batch.sampler)[0]
    return answer


@pytest.mark.parametrize("dual", [None, 3.0])
@pytest.mark.parametrize("tokens", [True, False])
def test_clipped_ratio(ragged: Ragged, openrlhf: Any, dual: float | None, tokens: bool) -> None:
    settings = NONE | {"dual_clip": dual, "aggregation": "token" if tokens else "sequence"}
    expected = theirs(openrlhf, ragged, dual_clip=dual, token_level_loss=tokens)
    ragged.check(expected, ragged.ours(objective=settings))


def test_gspo(ragged: Ragged, openrlhf: Any) -> None:
    """Its gradient is the mean ratio's, ours the same by another way (GSPO's eq. 14)."""
    expected = theirs(openrlhf, ragged, policy_loss_type="gspo")
    ragged.check(expected, ragged.ours(objective=NONE | {"policy": "gspo", "aggregation": "sequence"}))


@pytest.mark.parametrize("tokens", [True, False])
@pytest.mark.parametrize(("mode", "kind", "floor"), [("mask", "mask", 0.5), ("clip", "truncate", 0.0)])
def test_importance(ragged: Ragged, openrlhf: Any, mode: str, kind: str, floor: float, tokens: bool) -> None:
    expected = theirs(
        openrlhf,
        ragged,
        token_level_loss=tokens,
        is_correction_level="token",
        is_correction_mode=mode,
        is_correction_threshold=[floor, 2.0],
    )
    aggregation = "token" if tokens else "sequence"
    settings = {"old": "learner", "importance": kind, "aggregation": aggregation}
    ragged.check(expected, ragged.ours(objective=settings, sampler=True))


@pytest.mark.parametrize("clip", [None, 0.2])
def test_value_loss(ragged: Ragged, openrlhf: Any, clip: float | None) -> None:
    before, returns = torch.randn_like(ragged.mask), torch.randn_like(ragged.mask)
    expected = openrlhf.loss.ValueLoss(clip)(ragged.new, before, returns, ragged.mask)
    flat = ragged.flat
    weight = loss.weights(ragged.mask[flat], ragged.seq, "token", WIDTH)
    ragged.check(expected, (weight * loss.value(ragged.new[flat], before[flat], returns[flat], clip)).sum())


@pytest.mark.parametrize("estimator", ["k1", "k2", "k3"])
def test_kl_estimators(ragged: Ragged, openrlhf: Any, estimator: str) -> None:
    expected = openrlhf.utils.compute_approx_kl(ragged.new, ragged.ref, kl_estimator=estimator)
    torch.testing.assert_close(loss.kl(ragged.new, ragged.ref, estimator), expected, atol=1e-6, rtol=0)


def test_decoupled_ppo_is_importance_without_a_cap(ragged: Ragged, openrlhf: Any) -> None:
    expected = theirs(
        openrlhf,
        ragged,
        is_correction_level="token",
        is_correction_mode="clip",
        is_correction_threshold=[0.0, math.inf],
    )
    ragged.check(expected, ragged.ours(objective={"old": "learner", "importance_cap": math.inf}, sampler=True))
