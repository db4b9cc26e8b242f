"""What may change when a run goes on, and what makes it another run."""

from pathlib import Path
from typing import Any

import pytest

from rlvr.config import RL, SFT
from rlvr.settings.steering import changes, settings_hash


def rl(**settings: Any) -> RL:
    return RL.model_validate({"tasks": {"train": "gsm8k"}} | settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"out": "runs/other"},
        {"steps": 900},
        {"faults": {"restarts": 9}},
        {"trackers": ["tensorboard"]},
        {"engine": {"replicas": 3, "memory": 0.5}},
        {"scale": {"ranks": 4, "recompute": True}},
        {"grading": {"patience_s": 5}},
        {"compute": {"threads": 1}},
    ],
    ids=str,
)
def test_what_only_says_where_and_how_fast_may_change(settings: dict[str, Any]) -> None:
    assert changes(rl(), rl(**settings)) == []
    assert settings_hash(rl()) == settings_hash(rl(**settings))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"group_size": 4}, ["group_size was 8, now 4"]),
        ({"optim": {"lr": 0.5}}, ["optim.lr was 1e-06, now 0.5"]),
        ({"seed": 1, "max_lag": 0}, ["max_lag was 2, now 0", "seed was 0, now 1"]),
        ({"model": "other"}, ['model was "", now "other"']),
        ({"tasks": {"train": "math"}}, ['tasks.train was "gsm8k", now "math"']),
    ],
    ids=str,
)
def test_what_steers_may_not(settings: dict[str, Any], said: list[str]) -> None:
    for name in said:
        assert name in changes(rl(), rl(**settings))
    assert settings_hash(rl()) != settings_hash(rl(**settings))


def test_adapters_steer_and_the_rest_of_their_section_does_not() -> None:
    small, large = {"rank": 4, "alpha": 8}, {"rank": 4, "alpha": 16}
    assert changes(rl(scale={"lora": small, "ranks": 2}), rl(scale={"lora": large})) == [
        "scale.lora.alpha was 8, now 16"
    ]
    assert "scale.lora.alpha was 8, now null" in changes(rl(scale={"lora": small}), rl())


def test_with_a_schedule_the_number_of_steps_steers() -> None:
    cosine = {"lr": 1e-6, "schedule": "cosine"}
    assert changes(rl(optim=cosine, steps=10), rl(optim=cosine, steps=20)) == ["steps was 10, now 20"]
    critic = {"preset": "ppo", "critic": {"optim": cosine}}
    assert changes(rl(**critic, steps=10), rl(**critic, steps=20)) == ["steps was 10, now 20"]


def test_supervised_stages_know_theirs() -> None:
    before = SFT(data="a.jsonl", out=Path("a"))
    assert changes(before, SFT(data="a.jsonl", out=Path("b"))) == []
    assert changes(before, SFT(data="a.jsonl", epochs=2)) == ["epochs was 1.0, now 2.0"]


def test_a_pipeline_s_folder_may_be_moved() -> None:
    def stage(folder: str) -> RL:
        return rl(model=f"{folder}/dpo/model", out=f"{folder}/rl", tasks={"train": f"{folder}/tasks/train.jsonl"})

    assert changes(stage("/a/runs/demo"), stage("/b/demo")) == []
    assert settings_hash(stage("/a/runs/demo")) == settings_hash(stage("/b/demo"))
    other = stage("/a/demo").model_copy(update={"model": "/a/demo/sft/model"})
    assert changes(stage("/a/demo"), other) == ['model was "dpo/model", now "sft/model"']
