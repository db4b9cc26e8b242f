"""What is said, and refused, before the work starts."""

from pathlib import Path

import pytest

from rlvr.config import DPO, RL, SFT, Evaluate, Pairs, Pipeline, Sampling, Scratch, Tasks
from rlvr.planning import plan
from rlvr.settings.load import ConfigError

TASKS = Tasks(train="gsm8k")


def test_the_arithmetic_of_a_run() -> None:
    line = plan.arithmetic(
        RL(tasks=TASKS, steps=10, prompts_per_step=4, group_size=8, refill=2, sampling=Sampling(max_tokens=99))
    )
    assert line.startswith("rl: 10 steps x 4 prompts x 8 responses = 320 rollouts (with refills up to 960), 32 a step")
    assert "at most 99 tokens each" in line


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (SFT(data="d.jsonl", epochs=2.5, batch_size=96), "sft: 2.5 epoch(s) of d.jsonl, 96 sequences"),
        (DPO(data="p.jsonl"), "dpo: 1 epoch(s) of p.jsonl, 32 pairs"),
        (DPO(on_policy=Pairs(tasks="t", prompts=600, samples=4)), "up to 600 pairs from 2,400 samples"),
        (Evaluate(tasks="t", models={"a": "x", "b": "y"}), "eval: a, b on t"),
        (Evaluate(tasks="t", model="x"), "eval: x on t"),
    ],
)
def test_a_line_for_each_stage(config: object, said: str) -> None:
    assert said in plan.arithmetic(config)


def test_a_pipeline_is_the_sum_of_its_stages(tmp_path: Path) -> None:
    config = Pipeline(out=tmp_path, sft=SFT(data="{out}/d.jsonl"), rl=RL(tasks=TASKS), evaluate=Evaluate(tasks="t"))
    lines = plan.arithmetic(config).splitlines()
    assert [line.split(":")[0] for line in lines] == ["sft", "rl", "eval"]
    assert f"{tmp_path}/d.jsonl" in lines[0]
    assert "[rl]" in plan.describe(config)


def test_what_would_only_fail_later_is_refused_now(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "journal.sqlite").touch()
    for config, message in (
        (RL(tasks=TASKS), "model: expected a checkpoint"),
        (RL(tasks=TASKS, model="hub/id"), "out: expected a run directory"),
        (RL(tasks=TASKS, model=str(tmp_path / "none"), out=tmp_path / "o"), "is not a checkpoint folder"),
        (Evaluate(tasks="t", models={"a": "./none"}, out=tmp_path), "is not a checkpoint folder"),
        (RL(tasks=TASKS, model=str(tmp_path), out=tmp_path), "already holds a run; add --resume"),
        (Pipeline(out=tmp_path, scratch=Scratch()), "a pipeline needs at least one"),
    ):
        with pytest.raises(ConfigError, match=message):
            plan.check(config)
    plan.check(RL(tasks=TASKS, model=str(tmp_path), out=tmp_path), resume=True)
    plan.check(SFT(data="d", model="hub/id", out=tmp_path))
