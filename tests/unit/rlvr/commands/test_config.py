"""`rlvr config`: what it prints, and what it says of a wrong configuration."""

import json
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rlvr.commands.config import app, recipes
from rlvr.config import STAGES
from rlvr.settings.load import validate

RL = """
stage = "rl"
model = "some/model"
out = "runs/x"
[tasks]
train = "gsm8k"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rl.toml"
    path.write_text(RL)
    return path


def run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


def test_show_prints_what_loads_back(file: Path) -> None:
    code, out, _ = run("show", file, "--optim.lr", "3e-6", "compute.threads=2", "--optim.weight-decay=0.5")
    assert code == 0
    resolved = validate(STAGES["rl"], tomllib.loads(out))
    expected = tomllib.loads(RL) | {"optim": {"lr": 3e-6, "weight_decay": 0.5}, "compute": {"threads": 2}}
    assert resolved == validate(STAGES["rl"], expected)


def test_validate(file: Path) -> None:
    assert run("validate", file) == (0, f"{file}: a valid 'rl' configuration\n", "")


def test_every_fault_is_a_line_on_stderr(file: Path) -> None:
    code, out, err = run("validate", file, "seed=x", "--optimm.lr", "1")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "error: override 'seed=x': seed: expected a valid integer; got 'x'",
        "error: override '--optimm.lr 1': optimm: unknown key; did you mean 'optim'?",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x = 1", "stage: expected one of 'sft', 'dpo', 'reward-model', 'rl', 'eval', 'pipeline'; it is missing"),
        ("stage = 'rll'", "stage: expected one of 'sft', 'dpo', 'reward-model', 'rl', 'eval', 'pipeline'; got 'rll'"),
        ("stage = []", "stage: expected one of 'sft', 'dpo', 'reward-model', 'rl', 'eval', 'pipeline'; got []"),
        ("stage = ", "not valid TOML: Invalid value (at end of document)"),
    ],
)
def test_a_file_without_a_stage(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "x.toml").write_text(text)
    assert run("validate", tmp_path / "x.toml") == (2, "", f"error: {tmp_path}/x.toml: {problem}\n")


def test_a_missing_file(tmp_path: Path) -> None:
    assert (
        run("show", tmp_path / "x.toml")[2] == f"error: {tmp_path}/x.toml: cannot be read: No such file or directory\n"
    )


@pytest.mark.parametrize("stage", STAGES)
def test_schemas(stage: str) -> None:
    code, out, _ = run("schema", stage)
    assert code == 0
    assert set(json.loads(out)["properties"]) == set(STAGES[stage].model_fields)


def test_an_unknown_stage_has_no_schema() -> None:
    assert run("schema", "x")[::2] == (2, f"error: no stage 'x'; expected one of {', '.join(STAGES)}\n")


@pytest.mark.parametrize("name", sorted(recipes()))
def test_a_recipe_is_copied_and_not_overwritten(tmp_path: Path, name: str) -> None:
    target = tmp_path / f"{name}.toml"
    assert run("init", name, tmp_path) == (0, f"{target}\n", "")
    assert target.read_text() == recipes()[name].read_text()
    assert run("init", name, target)[::2] == (2, f"error: {target} exists; give another path, or --force\n")
    assert run("init", name, target, "--force")[0] == 0
    assert run("validate", name)[0] == 0


def test_recipes_are_listed() -> None:
    code, out, _ = run("init")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == sorted(recipes())


def test_an_unknown_recipe() -> None:
    code, _, err = run("init", "no-such-recipe")
    assert code == 2
    assert err.startswith("error: no recipe 'no-such-recipe'; shipped are ")
