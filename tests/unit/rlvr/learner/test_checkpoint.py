"""Checkpoints are whole or not there; what is published can be loaded."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from rlvr.config import RL, Optim
from rlvr.errors import WorkFailed
from rlvr.learner import checkpoint
from rlvr.learner.step import Learner
from rlvr.samples import Sample

MakeConfig = Callable[..., RL]


@pytest.fixture
def learner(config: MakeConfig, samples: list[Sample]) -> Learner:
    made = Learner(config())
    made.step(samples)
    return made


def test_the_last_two_are_kept_and_the_newest_is_restored(
    learner: Learner, config: MakeConfig, samples: list[Sample], tmp_path: Path
) -> None:
    for step in (2, 9, 10, 11):
        learner.step(samples)
        checkpoint.write(learner, tmp_path, step)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000010", "step-000011"]
    other = Learner(config())
    assert checkpoint.restore(other, tmp_path) == 11
    assert other.version == learner.version
    for name, value in learner.weights().items():
        np.testing.assert_array_equal(value, other.weights()[name])


def test_without_a_checkpoint_it_starts_anew(learner: Learner, tmp_path: Path) -> None:
    assert checkpoint.restore(learner, tmp_path / "none") == 0
    assert learner.version == 1


def test_a_half_written_one_is_not_seen(learner: Learner, config: MakeConfig, tmp_path: Path) -> None:
    checkpoint.write(learner, tmp_path, 1)
    half = tmp_path / ".writing"
    half.mkdir()
    (half / "learner.pt").write_bytes(b"half")
    (half / "more").mkdir()
    assert checkpoint.restore(Learner(config()), tmp_path) == 1
    checkpoint.write(learner, tmp_path, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000001", "step-000002"]


def test_writing_the_same_step_again_replaces_it(learner: Learner, samples: list[Sample], tmp_path: Path) -> None:
    checkpoint.write(learner, tmp_path, 1)
    learner.step(samples)
    checkpoint.write(learner, tmp_path, 1)
    assert torch.load(tmp_path / "step-000001" / "learner.pt", weights_only=True)["version"] == 2
    assert json.loads((tmp_path / "step-000001" / "state.json").read_text())["batch"] == 2


def test_what_is_published_loads_as_it_is(learner: Learner, samples: list[Sample], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    checkpoint.publish(learner, folder)
    learner.step(samples)
    checkpoint.publish(learner, folder)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    model, info = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not any(info[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    for name, parameter in model.named_parameters():
        np.testing.assert_array_equal(parameter.detach().numpy(), learner.weights()[name])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.chat_template
    assert model.generation_config.eos_token_id == [tokenizer.eos_token_id]


def test_a_checkpoint_of_other_settings_is_refused(learner: Learner, config: MakeConfig, tmp_path: Path) -> None:
    checkpoint.write(learner, tmp_path, 1)
    for same in (config(evaluate_every=3), config(micro_batch_tokens=7), config(steps=20)):
        assert checkpoint.restore(Learner(same), tmp_path) == 1
    with pytest.raises(WorkFailed, match="made with other settings"):
        checkpoint.restore(Learner(config(minibatches=2)), tmp_path)
    falling = Optim(lr=1e-2, schedule="linear")
    checkpoint.write(Learner(config(optim=falling)), tmp_path, 2)
    with pytest.raises(
        WorkFailed, match="made with other settings"
    ):  # the rate depends on how many steps there will be
        checkpoint.restore(Learner(config(optim=falling, steps=20)), tmp_path)


def test_random_numbers_go_on_where_they_were(learner: Learner, config: MakeConfig, tmp_path: Path) -> None:
    def draw() -> tuple[float, float, float]:
        return float(torch.rand(())), random.random(), float(np.random.random())

    checkpoint.write(learner, tmp_path, 1)
    expected = draw()
    checkpoint.restore(Learner(config()), tmp_path)
    assert draw() == expected


@pytest.mark.parametrize(
    "changes", [{"scale": {"lora": {"rank": 2}}}, {"objective": {"advantage": "gae"}, "critic": {}}]
)
def test_adapters_and_critics_are_restored_too(
    changes: dict[str, object], config: MakeConfig, samples: list[Sample], tmp_path: Path
) -> None:
    settings = config(**changes)
    learner = Learner(settings)
    learner.step(samples)
    checkpoint.write(learner, tmp_path, 1)
    expected = [learner.step(samples), learner.step(samples[:5])]
    other = Learner(settings)
    assert other.fingerprint() != expected[0]["fingerprint"]
    checkpoint.restore(other, tmp_path)
    assert [other.step(samples), other.step(samples[:5])] == expected
