"""The configured objective: each stream in its place, each term with its sign, figures from before anything is cut."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from rlvr.config import RL
from rlvr.learner import loss
from rlvr.learner.objective import Streams, policy_loss

N = 6
TRAINED = torch.tensor([1, 1, 0, 1, 1, 1])


def streams(**changes: Any) -> Streams:
    """Six tokens of three sequences, every stream distinct."""
    torch.manual_seed(0)
    logp = (-1 - torch.rand(N)).requires_grad_()
    fields: dict[str, Any] = {
        "logp": logp,
        "entropy": torch.rand(N, requires_grad=True),
        "sampler": logp.detach() + 0.5 * torch.randn(N),
        "old": logp.detach() + 0.3 * torch.randn(N),
        "ref": None,
        "advantage": torch.tensor([1.0, 1.0, 1.0, -1.0, -1.0, -2.0]),
        "weight": TRAINED / 5,
        "seq": torch.tensor([0, 0, 0, 1, 1, 2]),
    }
    return Streams(**fields | changes)


def objective(given: Streams, **settings: Any) -> tuple[Tensor, dict[str, Tensor]]:
    return policy_loss(RL.model_validate({"tasks": {"train": "-"}, "objective": settings}), given)


def total(given: Streams, **settings: Any) -> Tensor:
    per_token, _ = objective(given, **settings)
    return torch.where(given.trained, given.weight * per_token, 0.0).sum()


@pytest.mark.parametrize("estimator", ["k2", "k3"])
def test_the_kl_term_pulls_the_policy_towards_the_reference(estimator: str) -> None:
    given = streams(ref=torch.full((N,), -1.5))
    for gap in (-0.7, 0.7):
        moved = streams(ref=given.logp.detach() - gap, old=None)
        with_term = total(moved, importance="none", kl={"beta": 1.0, "estimator": estimator})
        [slope] = torch.autograd.grad(with_term - total(moved, importance="none"), moved.logp)
        assert (torch.sign(slope[TRAINED > 0]) == math.copysign(1, gap)).all()  # descending lowers the gap


def test_without_a_reference_there_is_no_term() -> None:
    _, figures = objective(streams())
    assert "kl" not in figures
    _, figures = objective(streams(ref=torch.zeros(N)), kl={"beta": 0.1})
    assert (figures["kl"][TRAINED > 0] > 0).all()


def test_entropy_is_rewarded() -> None:
    given = streams()
    [slope] = torch.autograd.grad(total(given, entropy=0.1), given.entropy)
    torch.testing.assert_close(slope, -0.1 * TRAINED / 5)


def test_each_stream_has_its_place() -> None:
    given = streams()
    old, sampler = given.old, given.sampler
    assert old is not None
    ratio = loss.clipped(given.logp, old, given.advantage, 0.2, 0.28)
    per_token, figures = objective(given, old="learner")
    torch.testing.assert_close(per_token[TRAINED > 0], (ratio * (old - sampler).exp().clamp(max=2.0))[TRAINED > 0])
    torch.testing.assert_close(figures["sampler_kl"][TRAINED > 0], (sampler - given.logp)[TRAINED > 0])
    bypassed, _ = objective(given, old="sampler")
    direct = loss.clipped(given.logp, sampler, given.advantage, 0.2, 0.28)
    torch.testing.assert_close(bypassed[TRAINED > 0], direct[TRAINED > 0])


def test_staleness_is_of_the_sampler_not_of_the_old_policy() -> None:
    logp = streams().logp.detach()
    far = streams(sampler=logp + 1.0, old=logp + 0.0)
    per_token, figures = objective(far, old="learner", importance="none", stale_limit=0.5)
    assert figures["left_behind"].tolist() == [0, 0, 0, 1, 1, 1]
    assert per_token[3:].tolist() == [0, 0, 0]
    near = streams(sampler=logp + 0.0, old=logp + 1.0)
    assert objective(near, old="learner", importance="none", stale_limit=0.5)[1]["left_behind"].sum() == 0


def test_figures_are_of_what_was_not_cut_yet() -> None:
    logp = streams().logp.detach()
    sampler = logp - torch.tensor([2.0, 0.0, 9.0, 2.0, 0.0, 0.0])
    given = streams(old=logp - torch.tensor([0.0, 0.0, 0.0, 0.0, 2.0, 0.1]), sampler=sampler)
    _, figures = objective(given, old="learner", dual_clip=3.0)
    assert figures["importance_cut"].tolist() == [1, 0, 0, 1, 0, 0]
    assert figures["importance"].max() == 2.0
    assert figures["clip_share"].tolist() == [0, 0, 0, 0, 1, 0]
    assert figures["dual_clip_share"].tolist() == [0, 0, 0, 0, 1, 0]


def test_what_is_cut_is_of_the_level_that_cuts() -> None:
    """Of a sequence: many small differences that no token's ratio shows. And nothing is cut where nothing corrects."""
    logp = streams().logp.detach()
    given = streams(old=logp, sampler=logp - 0.4)
    whole = {"importance": "mask", "importance_level": "sequence"}
    _, figures = objective(given, old="learner", **whole)
    trained = TRAINED > 0
    assert figures["importance_cut"][trained].tolist() == (figures["importance"][trained] == 0).float().tolist()
    assert figures["importance_cut"].sum() > 0
    assert objective(given, old="learner")[1]["importance_cut"].sum() == 0
    far = streams(old=logp, sampler=logp - 4.0)
    assert objective(far, old="learner")[1]["importance_cut"][trained].tolist() == [1] * int(trained.sum())
    assert objective(far, old="learner", importance="none")[1]["importance_cut"].sum() == 0


@pytest.mark.parametrize("policy", ["clip", "cispo", "gspo"])
@pytest.mark.parametrize("rubbish", [math.nan, math.inf, -1e9])
def test_tokens_that_are_not_trained_may_hold_anything(policy: str, rubbish: float) -> None:
    settings: dict[str, Any] = {
        "policy": policy,
        "aggregation": "sequence",
        "old": "learner",
        "importance_level": "sequence",
        "kl": {"beta": 0.1},
        "stale_limit": 0.1,
    }
    clean = streams(ref=torch.full((N,), -1.0))
    spoiled = {name: torch.where(TRAINED > 0, getattr(clean, name), rubbish) for name in ("sampler", "old", "ref")}
    dirty = streams(**spoiled)
    assert total(clean, **settings) == total(dirty, **settings)
    for given in (clean, dirty):
        total(given, **settings).backward()  # type: ignore[no-untyped-call]
    assert clean.logp.grad is not None
    assert dirty.logp.grad is not None
    assert torch.equal(clean.logp.grad, dirty.logp.grad)
