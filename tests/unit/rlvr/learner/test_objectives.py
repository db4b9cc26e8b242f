"""The published objectives: golden values, gradients, and what masked tokens may not do to them."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from rlvr.learner import loss

MASK = torch.tensor([1, 0, 1, 1, 0, 0, 1])
SEQ = torch.tensor([0, 0, 0, 1, 1, 2, 3])
"""Four sequences with 2, 1, 0 and 1 trained tokens."""
RUBBISH = [math.nan, math.inf, -math.inf, 1e9, -1e9]


def spoiled(clean: Tensor, rubbish: float) -> Tensor:
    """With rubbish wherever the mask is 0."""
    return torch.where(MASK > 0, clean, rubbish)


@pytest.fixture
def streams() -> tuple[Tensor, Tensor, Tensor]:
    """logp, old and advantage of seven tokens."""
    torch.manual_seed(0)
    old = -3 * torch.rand(7)
    return (old + 0.5 * torch.randn(7)).requires_grad_(), old, torch.tensor([1.0, 1, 1, -2, -2, 0.5, 1.5])


@pytest.mark.parametrize(("rho", "advantage", "value"), [(9.0, -1.0, 3.0), (2.0, -1.0, 2.0), (9.0, 1.0, -1.28)])
def test_the_dual_clip_bounds_the_loss_of_bad_tokens_only(rho: float, advantage: float, value: float) -> None:
    per_token = loss.clipped(torch.tensor([math.log(rho)]), torch.zeros(1), torch.tensor([advantage]), 0.2, 0.28, 3.0)
    assert per_token.item() == pytest.approx(value, rel=1e-6)


def test_cispo_never_loses_a_gradient_and_bounds_its_weight(streams: tuple[Tensor, Tensor, Tensor]) -> None:
    logp, old, advantage = streams
    [slope] = torch.autograd.grad(loss.cispo(logp, old, advantage, 1.0, 0.1).sum(), logp)
    torch.testing.assert_close(slope, -(logp - old).exp().clamp(max=1.1).detach() * advantage)
    assert (slope != 0).all()


def test_the_sequence_ratio_is_the_geometric_mean_of_trained_tokens(streams: tuple[Tensor, Tensor, Tensor]) -> None:
    logp, old, _ = streams
    rho = loss.sequence_ratio(logp, old, MASK, SEQ)
    gap = (logp - old).detach()
    expected = torch.stack([(gap[0] + gap[2]) / 2] * 3 + [gap[3]] * 2 + [gap[5] * 0] + [gap[6]]).exp()
    torch.testing.assert_close(rho.detach(), expected)
    [slope] = torch.autograd.grad(rho.sum(), logp)
    torch.testing.assert_close(slope, expected)  # each token's logp has the sequence's ratio as its slope


def test_on_policy_all_objectives_have_the_gradient_of_reinforce(streams: tuple[Tensor, Tensor, Tensor]) -> None:
    logp, _, advantage = streams
    old = logp.detach()
    for per_token in (
        loss.clipped(logp, old, advantage, 0.2, 0.28),
        loss.clipped(logp, old, advantage, 0.2, 0.28, 3.0),
        loss.cispo(logp, old, advantage, 1.0, 4.0),
        loss.clipped_ratio(loss.sequence_ratio(logp, old, MASK, SEQ), advantage, 3e-4, 4e-4),
    ):
        [slope] = torch.autograd.grad(per_token.sum(), logp)
        torch.testing.assert_close(slope, -advantage)


@pytest.mark.parametrize("rubbish", RUBBISH)
@pytest.mark.parametrize("level", ["token", "sequence", "geometric"])
@pytest.mark.parametrize("kind", ["truncate", "mask"])
def test_what_is_masked_changes_no_importance(
    kind: str, level: str, rubbish: float, streams: tuple[Tensor, Tensor, Tensor]
) -> None:
    old, sampler, _ = streams
    clean = loss.importance(old, sampler, MASK, SEQ, kind, level, 0.5, 2.0)
    dirty = loss.importance(spoiled(old, rubbish), spoiled(sampler, -rubbish), MASK, SEQ, kind, level, 0.5, 2.0)
    assert torch.equal(clean[MASK > 0], dirty[MASK > 0])
    assert torch.isfinite(dirty).all()


def test_levels_and_kinds_of_importance() -> None:
    old = torch.log(torch.tensor([0.8, 0.4, 0.1, 0.5]))
    sampler = torch.log(torch.tensor([0.4, 0.2, 0.4, 0.4]))
    seq, mask = torch.tensor([0, 0, 1, 1]), torch.tensor([1, 1, 1, 1])

    def weigh(kind: str, level: str, cap: float = 3.0) -> list[float]:
        return loss.importance(old, sampler, mask, seq, kind, level, 0.5, cap).tolist()  # type: ignore[no-any-return]

    assert weigh("none", "token") == [1] * 4
    assert weigh("truncate", "token") == pytest.approx([2, 2, 0.25, 1.25])
    assert weigh("mask", "token") == pytest.approx([2, 2, 0, 1.25])
    assert weigh("truncate", "sequence") == pytest.approx([3, 3, 0.3125, 0.3125])
    assert weigh("truncate", "sequence", math.inf) == pytest.approx([4, 4, 0.3125, 0.3125])
    assert weigh("mask", "sequence") == pytest.approx([0] * 4)
    assert weigh("mask", "geometric") == pytest.approx([2, 2, 0.3125**0.5, 0.3125**0.5])


def test_masking_importance_of_an_absurd_token_is_finite() -> None:
    weight = loss.importance(
        torch.tensor([-1.0]),
        torch.tensor([-200.0]),
        torch.ones(1),
        torch.zeros(1, dtype=torch.long),
        "mask",
        "token",
        0.5,
        2.0,
    )
    assert weight.tolist() == [0]


@pytest.mark.parametrize("rubbish", [0.0, *RUBBISH])
def test_what_the_policy_has_left_and_was_bad_is_stale(rubbish: float) -> None:
    sampler, logp = spoiled(torch.zeros(7), rubbish), torch.tensor([-1.0, 0, -0.2, -1, 0, 0, -1])
    advantage = torch.tensor([-1.0, -1, -1, -1, -1, -1, 1])
    fresh = loss.fresh(logp, sampler, advantage, MASK, SEQ, 0.7)
    assert fresh.tolist() == [True] * 3 + [False] * 2 + [True] * 2  # mean 0.6; 1; nothing trained; good


@pytest.mark.parametrize("estimator", ["k1", "k2", "k3"])
def test_kl_estimators(estimator: str) -> None:
    gap = torch.tensor([-1.0, 0.0, 1e-4, 2.0], dtype=torch.float64)
    expected = {"k1": gap, "k2": gap**2 / 2, "k3": (-gap).exp() - 1 + gap}[estimator]
    torch.testing.assert_close(loss.kl(gap, torch.zeros_like(gap), estimator), expected, atol=1e-12, rtol=1e-7)


def test_k3_of_an_absurd_gap_is_finite_and_still_pulls_back() -> None:
    logp = torch.tensor([-500.0, -21.0, -19.0], requires_grad=True)
    value = loss.kl(logp, torch.zeros(3), "k3")
    assert torch.isfinite(value).all()
    assert value[0] > value[1] > value[2]
    [slope] = torch.autograd.grad(value.sum(), logp)
    assert (slope < -1e8).all()


def expected_gradient(per_token: Callable[[Tensor, Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """(of the term under the policy, of KL(policy || reference)), over all of a distribution of six."""
    torch.manual_seed(0)
    logits = torch.randn(6, dtype=torch.float64, requires_grad=True)
    ref = torch.randn(6, dtype=torch.float64).log_softmax(0)
    logp = logits.log_softmax(0)
    term = (logp.exp().detach() * per_token(logp, ref)).sum()
    return (
        torch.autograd.grad(term, logits, retain_graph=True)[0],
        torch.autograd.grad((logp.exp() * (logp - ref)).sum(), logits)[0],
    )


def test_which_kl_terms_pull_towards_the_reference() -> None:
    """Exactly, by enumeration: k2 and ratio * k3 in the loss, k1 as a reward. k1 in the loss has no gradient at all."""
    good: list[Callable[[Tensor, Tensor], Tensor]] = [
        lambda logp, ref: loss.kl(logp, ref, "k2"),
        lambda logp, ref: loss.ratio(logp, logp.detach()) * loss.kl(logp, ref, "k3"),
        lambda logp, ref: loss.kl(logp, ref, "k1").detach() * logp,
    ]
    for term in good:
        got, wanted = expected_gradient(term)
        torch.testing.assert_close(got, wanted, atol=1e-12, rtol=0)
    nothing, wanted = expected_gradient(lambda logp, ref: loss.kl(logp, ref, "k1"))
    assert nothing.abs().max() < 1e-12
    assert wanted.abs().max() > 0.1
    other, wanted = expected_gradient(lambda logp, ref: loss.kl(logp, ref, "k3"))
    assert (other - wanted).abs().max() > 0.05  # that of KL(reference || policy)


def test_truncated_importance_without_a_cap_is_unbiased() -> None:
    """Decoupled PPO: the expectation under the sampler is the old policy's own gradient."""
    torch.manual_seed(1)
    logits, sampler = torch.randn(6, requires_grad=True), torch.randn(6).log_softmax(0)
    logp, advantage, one = logits.log_softmax(0), torch.randn(6), torch.ones(6)
    weight = loss.importance(logp, sampler, one, torch.arange(6), "truncate", "token", 0.0, math.inf)
    off = (sampler.exp() * weight * loss.clipped(logp, logp.detach(), advantage, 0.2, 0.28)).sum()
    on = (logp.exp().detach() * -advantage * logp).sum()
    for got, wanted in zip(
        torch.autograd.grad(off, logits, retain_graph=True), torch.autograd.grad(on, logits), strict=True
    ):
        torch.testing.assert_close(got, wanted, atol=1e-6, rtol=1e-5)


def test_the_value_loss_takes_the_worse_of_clipped_and_free() -> None:
    before, target = torch.zeros(3), torch.tensor([1.0, 1.0, -1.0])
    now = torch.tensor([0.5, 0.1, 0.5], requires_grad=True)
    per_token = loss.value(now, before, target, 0.2)
    assert per_token.tolist() == pytest.approx([0.5 * 0.64, 0.5 * 0.81, 0.5 * 2.25])
    [slope] = torch.autograd.grad(per_token.sum(), now)
    assert slope.tolist() == pytest.approx([0, -0.9, 1.5])  # the first has moved far enough
    assert loss.value(now, before, target, None).tolist() == pytest.approx([0.125, 0.405, 1.125])


@pytest.mark.parametrize(
    "per_token",
    [
        lambda logp, old, a: loss.clipped(logp, old, a, 0.2, 0.28, 3.0),
        lambda logp, old, a: loss.cispo(logp, old, a, 1.0, 4.0),
        lambda logp, old, a: loss.clipped_ratio(loss.sequence_ratio(logp, old, MASK, SEQ), a, 0.2, 0.2),
        lambda logp, old, a: loss.kl(logp, old, "k2"),
        lambda logp, old, a: loss.kl(logp, old, "k3"),
        lambda logp, old, a: loss.value(logp, old, a, 0.2),
    ],
)
def test_functions_are_pure(
    per_token: Callable[[Tensor, Tensor, Tensor], Tensor], streams: tuple[Tensor, Tensor, Tensor]
) -> None:
    before = [x.detach().clone() for x in streams]
    per_token(*streams)
    assert all(torch.equal(x.detach(), y) for x, y in zip(streams, before, strict=True))
