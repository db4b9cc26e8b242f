"""The configuration: shipped recipes load, and what cannot work is refused with a word on what to write."""

from pathlib import Path
from typing import Any

import pytest

import rlvr.recipes
from rlvr.config import DPO, RL, SFT, STAGES, Evaluate, Pairs, Section, Tasks
from rlvr.settings import load
from rlvr.settings.load import ConfigError
from rlvr.settings.presets import PRESETS

RECIPES = sorted(Path(rlvr.recipes.__file__).parent.glob("*.toml"))
TASKS = Tasks(train="gsm8k")


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_shipped_recipe_loads_and_survives_a_round_trip(path: Path, tmp_path: Path) -> None:
    stage = STAGES[load.read(path)["stage"]]
    config = load.load(stage, path)
    again = tmp_path / "again.toml"
    again.write_text(load.dump(config))
    assert load.load(stage, again) == config


def test_there_are_recipes() -> None:
    assert "demo" in {path.stem for path in RECIPES}


@pytest.mark.parametrize("name", sorted(STAGES))
def test_every_stage_names_itself_and_explains_its_knobs(name: str) -> None:
    stage = STAGES[name]
    assert stage.model_fields["stage"].default == name
    assert stage.__doc__


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"group_size": 0}, "group_size"),
        ({"group_size": 1}, "nothing to compare with"),
        ({"objective": {"kl": {"estimator": "k1"}}}, "k1 in the loss has an expected gradient of exactly 0"),
        ({"objective": {"kl": {"place": "reward"}}}, "k2 in the reward is biased"),
        ({"objective": {"policy": "gspo"}}, "gspo weighs sequences alike"),
        ({"objective": {"policy": "cispo", "dual_clip": 3}}, "dual_clip bounds the loss"),
        ({"objective": {"dual_clip": 1}}, "dual_clip"),
        ({"objective": {"clip_low": -0.1}}, "clip_low"),
        ({"objective": {"importance": "mask", "importance_floor": 3}}, "every token would be masked"),
        ({"objective": {"importance": "mask"}, "minibatches": 2}, 'write objective.old = "learner"'),
        ({"objective": {"advantage": "gae"}}, "need each other"),
        ({"critic": {}}, "need each other"),
        ({"truncated": "soft", "overlong_buffer": 2000}, r"overlong_buffer \(2000\) must not exceed"),
        ({"sampling": {"temperature": 0}}, "sampling.temperature must be above 0"),
        ({"minibatches": 40}, r"minibatches \(40\) must not exceed prompts_per_step \(32\)"),
        ({"optim": {"lr": -1}}, "optim.lr"),
        ({"objective": {"advantage": "gea"}}, "advantage"),
        ({"grading": {"max_error_share": 1.5}}, "max_error_share"),
        ({"max_lags": 2}, "max_lag"),
    ],
)
def test_what_cannot_work_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load.validate(RL, {"tasks": {"train": "gsm8k"}, **fields})


def test_dpo_takes_pairs_from_one_origin() -> None:
    pairs = Pairs(tasks="gsm8k")
    assert DPO(data="pairs.jsonl").on_policy is None
    assert DPO(on_policy=pairs).data is None
    for fields in ({}, {"data": "pairs.jsonl", "on_policy": pairs}):
        with pytest.raises(ValueError, match="exactly one of `data`"):
            DPO(**fields)  # type: ignore[arg-type]


def test_the_defaults_are_those_of_the_design() -> None:
    config = RL(tasks=TASKS)
    objective = config.objective
    assert (objective.clip_low, objective.clip_high, objective.importance_cap) == (0.2, 0.28, 2.0)
    assert (objective.advantage, objective.aggregation) == ("mean", "token")
    assert (config.max_lag, config.refill, config.truncated, config.control) == (2, 1, "keep", "none")
    assert Evaluate(tasks="gsm8k").sampling.temperature == 0
    assert (DPO(data="p").loss, DPO(data="p").beta) == ("sigmoid_norm", 5.0)


def test_a_configuration_does_not_change_under_a_run() -> None:
    config: Section = RL(tasks=TASKS)
    with pytest.raises(ValueError, match="frozen"):
        config.steps = 5  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_preset_is_filled_in_and_survives_a_round_trip(name: str, tmp_path: Path) -> None:
    config = load.validate(RL, {"tasks": {"train": "gsm8k"}, "preset": name})
    assert config != load.validate(RL, {"tasks": {"train": "gsm8k"}})
    again = tmp_path / "again.toml"
    again.write_text(load.dump(config))
    assert load.load(RL, again) == config


def test_what_a_file_says_itself_goes_before_its_preset() -> None:
    data = {"tasks": {"train": "t"}, "preset": "ppo", "epochs": 2, "objective": {"clip_low": 0.1, "kl": {"beta": 0}}}
    config = load.validate(RL, data)
    assert (config.epochs, config.group_size, config.reward_scale) == (2, 1, 10)
    assert (config.objective.clip_low, config.objective.clip_high, config.objective.advantage) == (0.1, 0.2, "gae")
    assert (config.objective.kl.beta, config.objective.kl.estimator) == (0, "k1")
    assert config.critic is not None
    assert config.critic.lam == 0.95


def test_tulu_3_numbers() -> None:
    """arXiv 2411.15124, table 24."""
    config = RL.model_validate({"tasks": TASKS, "preset": "ppo"})
    assert config.critic is not None
    assert (config.critic.gamma, config.critic.lam, config.critic.whiten) == (1.0, 0.95, True)
    assert (config.objective.clip_low, config.objective.clip_high, config.epochs) == (0.2, 0.2, 4)
    assert (config.objective.kl.beta, config.objective.kl.place, config.truncated_reward) == (0.05, "reward", -10)


@pytest.mark.parametrize(
    ("settings", "old"),
    [
        ({}, "learner"),
        ({"minibatches": 2}, "sampler"),
        ({"epochs": 2}, "sampler"),
        ({"minibatches": 2, "objective": {"old": "learner"}}, "learner"),
        ({"objective": {"old": "sampler"}}, "sampler"),
    ],
)
def test_what_the_ratio_is_taken_against(settings: dict[str, Any], old: str) -> None:
    assert RL.model_validate({"tasks": TASKS, **settings}).old == old


def test_a_home_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    config = SFT(model="~/models/m", out=Path("~/runs/r"), data="~/d.jsonl")
    assert config.model == "/home/somebody/models/m"
    assert config.out == Path("/home/somebody/runs/r")
    assert config.data == "/home/somebody/d.jsonl"
    assert SFT(model="org/m~1", data="d").model == "org/m~1"
    assert SFT(out=Path("~no such user/r"), data="d").out == Path("~no such user/r")
