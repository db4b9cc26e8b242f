"""A chain of stages: what each is given by the one before, and the summary at its end."""

import json
from pathlib import Path

from rlvr.config import RL, SFT, Evaluate, Pipeline, Tasks
from rlvr.stages.pipeline import chain, summarise


def pipeline(out: Path) -> Pipeline:
    return Pipeline(
        out=out,
        seed=7,
        sft=SFT(data="{out}/tasks/d.jsonl"),
        rl=RL(tasks=Tasks(train="{out}/tasks/t.jsonl", validation="gsm8k"), seed=3, control="random"),
        evaluate=Evaluate(tasks="{out}/tasks/h.jsonl"),
    )


def test_each_stage_starts_from_the_model_of_the_one_before(tmp_path: Path) -> None:
    (first, sft), (second, rl), (third, judged) = chain(pipeline(tmp_path))
    assert (first, second, third) == ("sft", "rl", "eval")
    assert (sft.model, sft.out, sft.seed) == (f"{tmp_path}/base", tmp_path / "sft", 7)
    assert (rl.model, rl.out, rl.seed) == (f"{tmp_path}/sft/model", tmp_path / "rl", 3)
    assert isinstance(sft, SFT)
    assert isinstance(rl, RL)
    assert isinstance(judged, Evaluate)
    assert sft.data == f"{tmp_path}/tasks/d.jsonl"
    against = (f"{tmp_path}/tasks/h.jsonl",)  # what it is judged by in the end
    assert rl.tasks == Tasks(train=f"{tmp_path}/tasks/t.jsonl", validation="gsm8k", against=against)
    assert judged.out == tmp_path / "evaluate"
    assert judged.models == {
        "base": f"{tmp_path}/base",
        "sft": f"{tmp_path}/sft/model",
        "rl": f"{tmp_path}/rl/model",
    }


def test_a_stage_may_name_its_own_model(tmp_path: Path) -> None:
    config = Pipeline(out=tmp_path, model="hub/base", rl=RL(tasks=Tasks(train="t"), model="hub/other"))
    [(_, rl)] = chain(config)
    assert rl.model == "hub/other"


def test_a_relative_run_directory_becomes_absolute() -> None:
    [(_, rl)] = chain(Pipeline(out=Path("runs/x"), rl=RL(tasks=Tasks(train="t"))))
    assert rl.out == Path.cwd() / "runs/x/rl"
    assert rl.model == f"{Path.cwd()}/runs/x/base"


def test_the_summary(tmp_path: Path) -> None:
    (tmp_path / "evaluate").mkdir()
    models = {"base": {"accuracy": 0.0, "families": {"math": 0.0}, "errors": 0}}
    (tmp_path / "evaluate" / "summary.json").write_text(json.dumps({"models": models}))
    summary = summarise(pipeline(tmp_path), tmp_path, {"sft": 1.26}, 12.34)
    assert summary["stages"] == {"base": {"accuracy": 0.0, "families": {"math": 0.0}}}
    assert (summary["seconds"], summary["stage_seconds"]) == (12.3, {"sft": 1.3})
    assert (summary["seed"], summary["control"]) == (7, "random")
    bare = summarise(Pipeline(out=tmp_path, sft=SFT(data="d")), tmp_path, {}, 1.0)
    assert (bare["stages"], bare["control"]) == ({}, "none")
