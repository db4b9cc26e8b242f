"""The learner under other settings: critics, references, adapters, layouts, and figures of the whole step."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from rlvr.config import RL, Optim
from rlvr.learner import policy
from rlvr.learner.step import Learner
from rlvr.samples import Sample

MakeConfig = Callable[..., RL]
PPO: dict[str, Any] = {"preset": "ppo", "group_size": 2, "critic": {"optim": {"lr": 1e-2}}}
LOOSE = Optim(lr=1e-2, max_grad_norm=1e9)


def gradients(learner: Learner) -> dict[str, Any]:
    return {
        f"{name}.{key}": p.grad.numpy().copy()
        for name, model in learner.models.items()
        for key, p in model.model.named_parameters()
        if p.grad is not None
    }


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"objective": {"policy": "gspo", "aggregation": "sequence", "old": "sampler"}},
        {"objective": {"policy": "cispo", "importance_level": "sequence", "entropy": 0.1}},
        {"objective": {"kl": {"beta": 0.1}, "stale_limit": 0.1}},
        PPO | {"epochs": 1},
        {"minibatches": 2, "objective": {"old": "learner"}},
        {"scale": {"lora": {"rank": 2}}},
    ],
)
def test_cuts_and_layouts_change_no_gradient_and_no_figure(
    config: MakeConfig, samples: list[Sample], settings: dict[str, Any]
) -> None:
    found = []
    for budget, layout in ((10_000, "padded"), (30, "padded"), (40, "packed"), (1, "packed")):
        scale = {"layout": layout, **settings.get("scale", {})}
        learner = Learner(config(**{**settings, "micro_batch_tokens": budget, "scale": scale, "optim": LOOSE}))
        metrics = learner.step(samples)
        found.append((metrics, gradients(learner)))
    metrics, expected = found[0]
    assert max(float(np.abs(g).max()) for g in expected.values()) > 1e-4
    for other, got in found[1:]:
        for name, gradient in expected.items():
            np.testing.assert_allclose(got[name], gradient, atol=1e-6, rtol=1e-5, err_msg=name)
        for name in metrics.keys() - {"fingerprint"}:
            assert other[name] == pytest.approx(metrics[name], rel=1e-4, abs=1e-5), name


def test_figures_are_of_all_optimizer_steps_of_the_batch(config: MakeConfig, samples: list[Sample]) -> None:
    """Without a rate nothing moves, so that every optimizer step finds what one over the whole batch would."""
    still = Optim(lr=1e-30)
    whole = Learner(config(optim=still, objective={"old": "sampler"})).step(samples)
    parts = Learner(config(optim=still, objective={"old": "sampler"}, minibatches=3, epochs=2)).step(samples)
    for name in ("entropy", "sampler_kl", "clip_share"):
        assert parts[name] == pytest.approx(whole[name], rel=1e-5), name
    assert whole["clip_share"] > 0


def test_skipped_steps_are_counted(config: MakeConfig, samples: list[Sample]) -> None:
    broken = [replace(samples[0], advantage=math.inf), *samples[1:]]
    metrics = Learner(config(minibatches=2, epochs=2)).step(broken)
    assert metrics["skipped"] == 2  # the half with the infinity, twice
    assert math.isfinite(metrics["grad_norm"])


def test_no_reference_is_loaded_without_need(config: MakeConfig) -> None:
    for settings in ({}, {"objective": {"kl": {"beta": 0.1}}, "scale": {"lora": {}}}):
        learner = Learner(config(**settings))
        assert learner.reference is learner.policy
    learner = Learner(config(objective={"kl": {"beta": 0.1}}))
    assert learner.reference is not learner.policy
    assert not any(p.requires_grad for p in learner.reference.parameters())


@pytest.mark.parametrize("scale", [{}, {"lora": {"rank": 4}}])
def test_the_reference_stays_where_the_policy_started(
    config: MakeConfig, samples: list[Sample], scale: dict[str, Any]
) -> None:
    learner = Learner(config(objective={"kl": {"beta": 1e-3}}, scale=scale))
    kls = [learner.step(samples)["kl"] for _ in range(3)]
    assert kls[0] == pytest.approx(0, abs=1e-6)
    assert kls[2] > kls[1] > 1e-6


def test_a_penalty_in_the_reward_is_compared_within_groups_of_the_same_id(
    config: MakeConfig, samples: list[Sample]
) -> None:
    """Two groups may have the same prompt; each keeps its own mean."""
    prompt = samples[0].rollout.prompt_ids
    twins = [
        replace(s, reward=float(i), rollout=replace(s.rollout, id=f"b/{i // 6}/{i % 6}", prompt_ids=prompt))
        for i, s in enumerate(samples)
    ]
    settings = config(objective={"kl": {"beta": 1e-12, "estimator": "k1", "place": "reward"}}, optim=LOOSE)
    learner = Learner(settings)
    learner.step(twins)
    centred = [replace(s, advantage=s.reward - (2.5 if i < 6 else 8.5)) for i, s in enumerate(twins)]
    plain = Learner(config(optim=LOOSE))
    plain.step(centred)
    for name, gradient in gradients(plain).items():
        np.testing.assert_allclose(gradients(learner)[name], gradient, atol=1e-5)


def test_the_critic_learns_the_returns(config: MakeConfig, samples: list[Sample]) -> None:
    learner = Learner(config(**PPO, steps=60, sampling={"max_tokens": 9}))
    losses = [learner.step(samples)["value_loss"] for _ in range(12)]
    assert losses[-1] < 0.8 * losses[0]
    assert learner.step(samples)["critic_grad_norm"] > 0


def test_a_critic_without_a_head_values_everything_0(config: MakeConfig, samples: list[Sample]) -> None:
    """So at first the advantage is the reward that is still to come, and a good response becomes likelier."""
    learner = Learner(config(**PPO, optim=Optim(lr=1e-3)))
    good = [replace(s, reward=float(i < 6)) for i, s in enumerate(samples)]
    before = learner.logprobs(good)
    for _ in range(3):
        learner.step(good)
    gain = learner.logprobs(good) - before
    first = sum(len(s.rollout.response_ids) for s in good[:6])
    assert gain[:first].mean() > gain[first:].mean()


def test_adapters_leave_merged(config: MakeConfig, samples: list[Sample]) -> None:
    learner = Learner(config(scale={"lora": {"rank": 2}}))
    start = Learner(config()).weights()
    learner.step(samples)
    merged = learner.weights()
    assert merged.keys() == start.keys()
    assert max(float(np.abs(merged[name] - start[name]).max()) for name in start) > 1e-5
    plain = Learner(config())
    with torch.no_grad():
        for name, parameter in plain.model.named_parameters():
            parameter.copy_(torch.from_numpy(merged[name]))
    torch.testing.assert_close(plain.logprobs(samples), learner.logprobs(samples), atol=1e-5, rtol=0)
    assert sum(p.requires_grad for p in learner.model.parameters()) == 14  # two of seven matrices


def test_in_bfloat16_the_masters_stay_fp32(config: MakeConfig, samples: list[Sample]) -> None:
    learner, exact = Learner(config(scale={"dtype": "bfloat16"})), Learner(config())
    torch.testing.assert_close(learner.logprobs(samples), exact.logprobs(samples), atol=0.05, rtol=0.01)
    assert not torch.equal(learner.logprobs(samples), exact.logprobs(samples))
    learner.step(samples)
    assert {p.dtype for p in learner.model.parameters()} == {torch.float32}
    assert {p.grad.dtype for p in learner.model.parameters() if p.grad is not None} == {torch.float32}


def test_a_model_that_changes_its_logits_is_refused(config: MakeConfig, tmp_path: Any, tiny_model: Any) -> None:
    import json
    import shutil

    shutil.copytree(tiny_model, tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"logit_scale": 0.5}))
    with pytest.raises(ValueError, match=r"changes its logits .*logit_scale"):
        policy.load_policy(str(tmp_path / "model"), config().scale)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("default")  # what torch warns of while it compiles is its own affair
@pytest.mark.parametrize("scale", [{"compile": True}, {"recompute": True}])
def test_compiled_and_recomputed_layers_give_the_same_update(
    config: MakeConfig, samples: list[Sample], scale: dict[str, Any]
) -> None:
    """Compiling takes a C++ compiler; several shapes go through it, as in a run."""
    found = []
    for settings in ({}, scale):
        learner = Learner(config(micro_batch_tokens=30, optim=LOOSE, scale=settings, steps=2))
        figures = learner.step(samples)
        found.append((figures, gradients(learner), learner.step(samples[::-1])["loss"]))
    (plain, expected, loss), (other, got, again) = found
    assert other["loss"] == pytest.approx(plain["loss"], abs=1e-5)
    assert again == pytest.approx(loss, abs=1e-5)
    for name, gradient in expected.items():
        np.testing.assert_allclose(got[name.replace("_orig_mod.", "")], gradient, atol=1e-5, err_msg=name)
