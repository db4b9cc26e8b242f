"""What is said, and refused, before the work starts."""

from pathlib import Path

import pytest

from rlvr.config import DPO, RL, SFT, Evaluate, Pairs, Pipeline, Sampling, Scratch, Tasks
from rlvr.evaluation.suites import Tax
from rlvr.planning import plan
from rlvr.records import folder
from rlvr.settings.learning import Critic, Optim
from rlvr.settings.load import ConfigError
from rlvr.stages.pipeline import chain

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
    plan.check(SFT(data=str(tmp_path / "config.json"), model="hub/id", out=tmp_path))


def test_models_and_data_that_are_not_there_are_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "there.jsonl").touch()
    tasks = Tasks(train="none.jsonl", validation="there.jsonl", against=("gsm8k:none", "gsm9k"))
    critic = Critic(model="a/b/c")
    with pytest.raises(ConfigError) as caught:
        plan.check(RL(model="runs/none/model", out=Path("there.jsonl/x"), tasks=tasks, preset="ppo", critic=critic))
    assert [problem.split(" Known")[0] for problem in caught.value.problems] == [
        f"out: expected a folder or a new path; {tmp_path}/there.jsonl is a file",
        "model: runs/none/model is not a checkpoint folder (no config.json in it)",
        "critic.model: a/b/c is not a checkpoint folder (no config.json in it)",
        "tasks.train: none.jsonl: no such file",
        "tasks.against.0: none: no such file",
        "tasks.against.1: no task source 'gsm9k'; did you mean 'gsm8k'?",
    ]
    judged = Evaluate(models={"a": "org/model", "b": "gpt2"}, tasks="hub:org/name", tax=Tax(texts="none"), out=tmp_path)
    for config in (judged, DPO(model="org/model", data="none", out=tmp_path)):
        with pytest.raises(ConfigError, match=r"^[a-z.]+: none: no such file$"):
            plan.check(config)
        plan.check(config, here=False)  # they may well be where the work will be done


def test_a_pipeline_needs_only_what_it_does_not_make(tmp_path: Path) -> None:
    rl = RL(tasks=Tasks(train="{out}/tasks/train.jsonl"))
    config = Pipeline(out=tmp_path / "new", scratch=Scratch(), sft=SFT(data="{out}/tasks/d.jsonl"), rl=rl)
    plan.check(config)
    new = tmp_path / "new"
    with pytest.raises(ConfigError) as caught:
        plan.check(config.model_copy(update={"scratch": None}))
    assert caught.value.problems == (
        f"sft: model: {new}/base is not a checkpoint folder (no config.json in it)",
        f"sft: data: {new}/tasks/d.jsonl: no such file",
        f"rl: tasks.train: {new}/tasks/train.jsonl: no such file",
    )
    new.mkdir()
    (new / "thesis.tex").touch()
    with pytest.raises(ConfigError, match=r"new is no earlier run, it holds thesis\.tex"):
        plan.check(config)
    plan.check(config, resume=True)


def test_a_run_goes_on_with_the_settings_that_it_was_begun_with(tmp_path: Path) -> None:
    """Other ones are refused before the run's own `config.toml` is replaced, from its first batch on."""
    (tmp_path / "config.json").touch()
    (tmp_path / "t.jsonl").touch()
    begun = RL(model=str(tmp_path), out=tmp_path / "rl", tasks=Tasks(train=str(tmp_path / "t.jsonl")))
    begun.out.mkdir()
    folder.keep(begun)
    other = begun.model_copy(update={"group_size": 4, "seed": 7})
    plan.check(other, resume=True)  # nothing has been asked for yet
    (begun.out / "journal.sqlite").touch()
    with pytest.raises(ConfigError, match=r"begun with other settings \(group_size was 8, now 4; seed was 0, now 7\)"):
        plan.check(other, resume=True)
    plan.check(begun.model_copy(update={"steps": 900}), resume=True)


def test_so_does_each_stage_of_a_pipeline(tmp_path: Path) -> None:
    def pipeline(lr: float) -> Pipeline:
        sft = SFT(data="{out}/tasks/d.jsonl", optim=Optim(lr=lr))
        return Pipeline(out=tmp_path, scratch=Scratch(), sft=sft)

    [(_, stage)] = chain(pipeline(0.1))
    (stage.out / "checkpoints").mkdir(parents=True)
    folder.keep(stage)
    plan.check(pipeline(0.1), resume=True)
    with pytest.raises(ConfigError, match=r"sft was begun with other settings \(optim.lr was 0.1, now 0.2\)"):
        plan.check(pipeline(0.2), resume=True)
