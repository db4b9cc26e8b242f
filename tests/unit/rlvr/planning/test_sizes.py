"""Memory and time before a run starts."""

import json
from pathlib import Path

import pytest
from transformers import AutoConfig
from typer.testing import CliRunner

from rlvr.cli import app
from rlvr.config import RL
from rlvr.planning import sizes
from verifiers import Task


@pytest.fixture
def config(tiny_model: Path, tmp_path: Path) -> RL:
    task = Task(id="t", prompt="1 + 1", verifier="exact", reference="2")
    (tmp_path / "tasks.jsonl").write_text(task.model_dump_json())
    tasks = {"train": str(tmp_path / "tasks.jsonl")}
    return RL.model_validate(
        {"tasks": tasks, "model": str(tiny_model), "out": tmp_path / "run", "sampling": {"max_tokens": 5}}
    )


def test_memory_counts_every_model_and_shares_it_out(config: RL, tiny_model: Path) -> None:
    model = AutoConfig.from_pretrained(tiny_model)
    alone = sizes.memory(config, model)
    assert alone.optimizer == 3 * alone.weights  # fp32 parameters; gradients and two moments
    given = config.model_dump(include={"tasks", "model", "out"})
    ppo = sizes.memory(RL.model_validate(given | {"preset": "ppo"}), model)
    assert ppo.weights == 3 * alone.weights  # policy, critic, reference
    assert ppo.optimizer == 2 * alone.optimizer
    shared = sizes.memory(RL.model_validate(config.model_dump() | {"scale": {"ranks": 4}}), model)
    assert shared.weights == alone.weights / 4
    adapters = sizes.memory(RL.model_validate(config.model_dump() | {"scale": {"lora": {"rank": 1}}}), model)
    assert adapters.optimizer < alone.optimizer / 4


def test_a_plan_is_printed_before_anything_starts(config: RL, tmp_path: Path) -> None:
    path = tmp_path / "rl.json"
    path.write_text(json.dumps(config.model_dump(mode="json", exclude_defaults=True) | {"stage": "rl"}))
    done = CliRunner().invoke(app, ["plan", str(path), "prompts_per_step=2"])
    assert done.exit_code == 0, done.output
    assert "rl: 100 steps x 2 prompts x 8 responses" in done.stdout
    assert "memory: about" in done.stdout
    assert "tokens/s sampled" in done.stdout
    assert done.stdout.count("<- this run") == 1
    assert not (tmp_path / "run").exists()
