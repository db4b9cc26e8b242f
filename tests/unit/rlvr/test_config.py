"""The configuration: shipped recipes load, and what cannot work is refused with a word on what to write."""

from pathlib import Path
from typing import Any

import pytest

import rlvr.recipes
from rlvr import load
from rlvr.config import DPO, RL, STAGES, Evaluate, Pairs, Section, Tasks
from rlvr.load import ConfigError

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
        ({"group_size": 1}, "group_size"),
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
