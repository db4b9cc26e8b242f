"""The learner: what may not change an update, what must not get into one, and going on from a checkpoint."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from rlvr.config import RL, Objective, Optim, Sampling
from rlvr.learner import checkpoint
from rlvr.learner.step import Learner, learning_rate
from rlvr.samples import Sample

MakeConfig = Callable[..., RL]
Weights = dict[str, Any]


def trained(config: RL, *batches: Sequence[Sample]) -> Weights:
    learner = Learner(config)
    for batch in batches:
        learner.step(batch)
    return copied(learner)


def copied(learner: Learner) -> Weights:
    return {name: value.copy() for name, value in learner.weights().items()}


def distance(a: Weights, b: Weights) -> float:
    assert a.keys() == b.keys()
    return max(float(np.abs(a[name] - b[name]).max()) for name in a)


def change(samples: Sequence[Sample], place: int, value: float) -> list[Sample]:
    """Each masked token's log-probability replaced (place 0), or each trained one's (place 1)."""
    return [
        replace(
            s,
            rollout=replace(
                s.rollout,
                logprobs=tuple(
                    value if m == place else p for m, p in zip(s.rollout.mask, s.rollout.logprobs, strict=True)
                ),
            ),
        )
        for s in samples
    ]


@pytest.mark.parametrize("aggregation", ["token", "sequence", "constant"])
def test_micro_batches_do_not_change_the_update(config: MakeConfig, samples: list[Sample], aggregation: str) -> None:

    gradients = []
    for budget in (1, 30, 10_000):
        objective = Objective(aggregation=aggregation)  # type: ignore[arg-type]
        settings = config(objective=objective, micro_batch_tokens=budget, sampling=Sampling(max_tokens=9))
        learner = Learner(settings)
        learner.step(samples)
        gradients.append({name: p.grad.numpy() for name, p in learner.model.named_parameters()})
    assert distance(gradients[0], gradients[1]) < 1e-6
    assert distance(gradients[0], gradients[2]) < 1e-6
    assert max(float(np.abs(g).max()) for g in gradients[0].values()) > 1e-3


def test_the_order_of_samples_does_not_change_the_update(config: MakeConfig, samples: list[Sample]) -> None:
    assert distance(trained(config(), samples), trained(config(), samples[::-1])) < 1e-5


def test_the_gradient_is_reinforce_with_capped_importance(config: MakeConfig, samples: list[Sample]) -> None:
    """Written out with transformers' own logits, one sequence after another."""
    settings = config(sampling=Sampling(temperature=0.7), objective=Objective(importance_cap=1.1))
    learner = Learner(settings)
    model = AutoModelForCausalLM.from_pretrained(settings.model).eval()
    total = sum(sum(s.rollout.mask) for s in samples)
    objective = torch.zeros(())
    for s in samples:
        r = s.rollout
        logits = model(torch.tensor([r.prompt_ids + r.response_ids])).logits[0, len(r.prompt_ids) - 1 : -1] / 0.7
        logp = logits.log_softmax(-1).gather(1, torch.tensor(r.response_ids)[:, None])[:, 0]
        cap = (logp.detach() - torch.tensor(r.logprobs)).exp().clamp(max=1.1)
        objective = objective + (torch.tensor(r.mask) * cap * s.advantage * logp).sum() / total
    (-objective).backward()
    expected = {name: p.grad.clone() for name, p in model.named_parameters()}
    metrics = learner.step(samples)
    clip = min(1.0, settings.optim.max_grad_norm / metrics["grad_norm"])
    for name, p in learner.model.named_parameters():
        torch.testing.assert_close(p.grad, clip * expected[name], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e9])
@pytest.mark.parametrize("minibatches", [1, 2])
def test_what_is_masked_does_not_leak(
    config: MakeConfig, samples: list[Sample], value: float, minibatches: int
) -> None:
    settings = config(minibatches=minibatches)
    clean, dirty = Learner(settings), Learner(settings)
    metrics = clean.step(samples), dirty.step(change(samples, 0, value))
    assert metrics[0] == metrics[1]
    assert distance(clean.weights(), dirty.weights()) == 0


def test_an_absurd_sampler_does_not_make_an_infinity(config: MakeConfig, samples: list[Sample]) -> None:
    learner = Learner(config())
    metrics = learner.step(change(samples, 1, -1e9))
    assert metrics["skipped"] == 0
    assert all(np.isfinite(w).all() for w in learner.weights().values())


def test_truncated_responses_can_be_left_out(config: MakeConfig, samples: list[Sample]) -> None:
    kept = [s for s in samples if s.rollout.finish == "stop"]
    learner = Learner(config(truncated="mask"))
    metrics = learner.step(samples)
    assert metrics["tokens"] == sum(sum(s.rollout.mask) for s in kept)
    assert distance(learner.weights(), trained(config(), kept)) < 1e-6
    assert distance(learner.weights(), trained(config(), samples)) > 1e-4


def test_a_gradient_that_is_not_finite_is_skipped(config: MakeConfig, samples: list[Sample]) -> None:
    learner = Learner(config())
    before = copied(learner)
    metrics = learner.step([replace(samples[0], advantage=math.inf), *samples[1:]])
    assert metrics["skipped"] == 1
    assert distance(before, learner.weights()) == 0
    assert learner.step(samples)["skipped"] == 0
    assert learner.version == 2
    assert distance(learner.weights(), before) > 1e-4


@pytest.mark.parametrize("empty", [[], None])
def test_nothing_to_train_moves_nothing_but_the_version(
    config: MakeConfig, samples: list[Sample], empty: list[Sample] | None
) -> None:
    """No samples, or samples without a trained token."""
    batch = [replace(s, rollout=replace(s.rollout, mask=(0,) * len(s.rollout.mask))) for s in samples]
    learner = Learner(config())
    before = copied(learner)
    learner.step(batch if empty is None else empty)
    assert distance(before, learner.weights()) == 0
    assert learner.version == 1


def test_more_likely_is_what_had_the_higher_reward(config: MakeConfig, samples: list[Sample]) -> None:
    learner = Learner(config())
    good = [replace(s, advantage=1.0) for s in samples]
    first, *_, last = [learner.step(good)["sampler_kl"] for _ in range(8)]
    assert last < first - 0.1  # mean of sampler - current: the responses have become likelier


def test_the_clip_binds_with_several_minibatches(config: MakeConfig, samples: list[Sample]) -> None:
    assert Learner(config()).step(samples)["clip_share"] == 0
    far = Learner(config(minibatches=2)).step(change(samples, 1, -1.0))
    assert far["clip_share"] == 1


def test_the_learning_rate(config: MakeConfig) -> None:
    def rates(schedule: str, warmup: int = 0) -> list[float]:
        settings = config(optim=Optim(lr=1.0, warmup_steps=warmup, schedule=schedule), steps=4)  # type: ignore[arg-type]
        return [learning_rate(settings, settings.optim, version) for version in range(5)]

    assert rates("constant") == [1, 1, 1, 1, 1]
    assert rates("constant", warmup=4) == [0.25, 0.5, 0.75, 1, 1]
    assert rates("linear") == pytest.approx([1, 0.775, 0.55, 0.325, 0.1])
    assert rates("cosine") == pytest.approx([1, 0.1 + 0.45 * (1 + 0.5**0.5), 0.55, 0.1 + 0.45 * (1 - 0.5**0.5), 0.1])


def test_the_rate_is_the_one_that_is_used(config: MakeConfig, samples: list[Sample]) -> None:
    learner = Learner(config(optim=Optim(lr=1e-2, warmup_steps=4)))
    before = copied(learner)
    assert learner.step(samples)["lr"] == 2.5e-3
    assert distance(before, learner.weights()) == pytest.approx(2.5e-3, rel=1e-2)  # Adam's first step is the rate


def test_going_on_from_a_saved_state_is_bit_for_bit(config: MakeConfig, samples: list[Sample], tmp_path: Path) -> None:
    settings = config(optim=Optim(lr=1e-2, warmup_steps=3, schedule="cosine"), minibatches=2)
    learner = Learner(settings)
    learner.step(samples)
    checkpoint.write(learner, tmp_path, 1)
    expected = [learner.step(samples[:5]), learner.step(samples[5:])]
    other = Learner(settings)
    checkpoint.restore(other, tmp_path)
    assert other.version == 1
    assert [other.step(samples[:5]), other.step(samples[5:])] == expected
    assert distance(learner.weights(), other.weights()) == 0


def test_a_bfloat16_checkpoint_is_trained_in_float32(config: MakeConfig, tmp_path: Path, tiny_model: Path) -> None:
    """Steps of 1e-6 would round away in bfloat16."""
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.bfloat16)
    model.save_pretrained(tmp_path)
    learner = Learner(config(model=str(tmp_path)))
    saved = dict(model.named_parameters())
    for name, array in learner.weights().items():
        assert torch.equal(torch.from_numpy(array), saved[name].data.float())
