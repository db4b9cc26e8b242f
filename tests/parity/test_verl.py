"""Our advantages, objectives and terms beside verl 0.9.1's."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from rlvr.learner import loss
from rlvr.learner.advantage import by_group
from rlvr.learner.gae import gae, whiten

pytestmark = pytest.mark.parity
Ragged = Any
"""See conftest.py."""
WIDTH = 17
AGGREGATION = {
    "token-mean": "token",
    "seq-mean-token-mean": "sequence",
    "seq-mean-token-sum-norm": "constant",
}
NONE = {"importance": "none", "old": "learner"}


def actor(aggregation: str) -> Any:
    from verl.workers.config import ActorConfig

    return ActorConfig(
        strategy="fsdp",
        rollout_n=1,
        ppo_micro_batch_size_per_gpu=1,
        clip_ratio=0.2,
        clip_ratio_low=0.2,
        clip_ratio_high=0.28,
        loss_agg_mode=aggregation,
    )


def spread(batch: Ragged) -> Tensor:
    return batch.advantage[:, None].expand(-1, WIDTH)


@pytest.mark.parametrize(
    ("estimator", "theirs", "settings"),
    [
        ("grpo", "compute_grpo_outcome_advantage", {}),
        ("mean", "compute_grpo_outcome_advantage", {"norm_adv_by_std_in_grpo": False}),
        ("rloo", "compute_rloo_outcome_advantage", {}),
    ],
)
def test_advantages(ragged: Ragged, verl: Any, estimator: str, theirs: str, settings: dict[str, bool]) -> None:
    last = torch.tensor([int(row.nonzero().max()) for row in ragged.mask])
    rewards = torch.zeros_like(ragged.mask)
    rewards[torch.arange(len(last)), last] = ragged.reward
    expected, _ = getattr(verl, theirs)(rewards, ragged.mask, ragged.group.numpy(), **settings)
    ours = torch.tensor(by_group([str(g) for g in ragged.group.tolist()], ragged.reward.tolist(), estimator))
    assert ours.abs().max() > 0.1
    torch.testing.assert_close(ours[:, None] * ragged.mask, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("holes", [False, True])
def test_gae(make: Callable[..., Ragged], verl: Any, holes: bool) -> None:
    ragged = make(holes=holes)
    reward, value = torch.randn_like(ragged.mask) * ragged.mask, torch.randn_like(ragged.mask)
    expected, returns = verl.compute_gae_advantage_return(
        reward, value, ragged.mask, torch.tensor(0.99), torch.tensor(0.95)
    )
    flat, mask = ragged.flat, ragged.mask[ragged.flat]
    advantage, ours = gae(reward[flat], value[flat], mask, ragged.seq, 0.99, 0.95)
    trained = mask > 0
    torch.testing.assert_close(ours[trained], returns[flat][trained], atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(whiten(advantage, mask)[trained], expected[flat][trained], atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("aggregation", AGGREGATION)
def test_dual_clip(make: Callable[..., Ragged], verl: Any, aggregation: str, holes: bool) -> None:
    ragged = make(holes=holes)
    theirs, _ = verl.compute_policy_loss_vanilla(
        ragged.old, ragged.new, spread(ragged), ragged.mask, aggregation, actor(aggregation)
    )
    ragged.check(theirs, ragged.ours(objective=NONE | {"dual_clip": 3.0, "aggregation": AGGREGATION[aggregation]}))


@pytest.mark.parametrize("aggregation", AGGREGATION)
def test_cispo(ragged: Ragged, verl: Any, aggregation: str) -> None:
    theirs, _ = verl.compute_policy_loss_cispo(
        ragged.old, ragged.new, spread(ragged), ragged.mask, aggregation, actor(aggregation)
    )
    ragged.check(theirs, ragged.ours(objective=NONE | {"policy": "cispo", "aggregation": AGGREGATION[aggregation]}))


def test_gspo(ragged: Ragged, verl: Any) -> None:
    mode = "seq-mean-token-mean"
    theirs, _ = verl.compute_policy_loss_gspo(ragged.old, ragged.new, spread(ragged), ragged.mask, mode, actor(mode))
    ragged.check(theirs, ragged.ours(objective=NONE | {"policy": "gspo", "aggregation": "sequence"}))


def test_importance_weights(ragged: Ragged, verl: Any) -> None:
    weight = (ragged.old - ragged.sampler).exp().clamp(max=2.0)
    theirs, _ = verl.compute_policy_loss_vanilla(
        ragged.old, ragged.new, spread(ragged), ragged.mask, "token-mean", actor("token-mean"), weight
    )
    ragged.check(theirs, ragged.ours(objective={"old": "learner", "dual_clip": 3.0}, sampler=True))


@pytest.mark.parametrize("estimator", ["k1", "k2", "k3"])
def test_kl_estimators(ragged: Ragged, verl: Any, estimator: str) -> None:
    expected = verl.kl_penalty_forward(ragged.new, ragged.ref, estimator)
    torch.testing.assert_close(loss.kl(ragged.new, ragged.ref, estimator), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("aggregation", AGGREGATION)
def test_value_loss(ragged: Ragged, verl: Any, aggregation: str) -> None:
    before, returns = torch.randn_like(ragged.mask), torch.randn_like(ragged.mask)
    theirs, _ = verl.compute_value_loss(ragged.new, returns, before, ragged.mask, 0.2, aggregation)
    flat = ragged.flat
    weight = loss.weights(ragged.mask[flat], ragged.seq, AGGREGATION[aggregation], WIDTH)
    ragged.check(theirs, (weight * loss.value(ragged.new[flat], before[flat], returns[flat], 0.2)).sum())
