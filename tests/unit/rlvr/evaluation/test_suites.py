"""Suites: what makes no sense is refused, and unseen suites stay unseen."""

from pathlib import Path
from typing import Any

import pytest

from rlvr.config import Pipeline
from rlvr.errors import UserError
from rlvr.evaluation.evaluate import Scores
from rlvr.evaluation.suites import Evaluate
from rlvr.planning import plan
from rlvr.samples import Judged, Rollout
from rlvr.settings import load
from rlvr.stages.evaluate import summarise
from verifiers import Task, Verdict


def evaluation(**settings: Any) -> Evaluate:
    return load.validate(Evaluate, {"model": "m", "out": "o", **settings})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "expected at least one of tasks, development, unseen and tax"),
        ({"development": {"a": "gsm8k"}, "unseen": {"b": "gsm8k"}}, "gsm8k is both in development and unseen"),
        ({"development": {"a": "gsm8k@test:/d/g"}, "unseen": {"b": "gsm8k@test"}}, "gsm8k@test is both in develop"),
        ({"development": {"a": "gsm8k@all"}, "unseen": {"b": "gsm8k@test"}}, "gsm8k@test is both in development"),
        ({"development": {"a": "./own.jsonl"}, "unseen": {"b": "own.jsonl"}}, "own.jsonl is both in development"),
        ({"development": {"a": "gsm8k"}, "unseen": {"a": "math"}}, "the name 'a' stands both in development and in"),
        ({"tasks": "t", "samples": 4, "pass_at": [8], "sampling": {"temperature": 1.0}}, "pass_at 8 needs as many"),
        ({"tasks": "t", "samples": 4}, "need sampling.temperature above 0"),
        ({"tax": {"texts": "t", "stride": 600, "context": 512}}, "must not exceed context"),
    ],
)
def test_what_makes_no_sense_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        evaluation(**settings)


def test_unseen_suites_are_judged_on_request_only() -> None:
    settings = {"development": {"gsm": "gsm8k@test"}, "unseen": {"math": "math-500"}}
    assert evaluation(**settings).suites() == {"gsm": "gsm8k@test"}
    assert evaluation(**settings, judge_unseen=True).suites() == {"gsm": "gsm8k@test", "math": "math-500"}
    assert "math-500" not in plan.arithmetic(evaluation(**settings))


@pytest.mark.parametrize(
    ("stage", "purpose"),
    [
        ({"rl": {"tasks": {"train": "secret.jsonl"}}}, "rl.tasks.train"),
        ({"rl": {"tasks": {"train": "gsm8k", "validation": "secret.jsonl"}}}, "rl.tasks.validation"),
        ({"rl": {"tasks": {"train": "gsm8k:./secret.jsonl"}}}, "rl.tasks.train"),
        ({"dpo": {"on_policy": {"tasks": "secret.jsonl"}}}, "dpo.on_policy.tasks"),
        ({"sft": {"data": "secret.jsonl"}}, "sft.data"),
    ],
)
def test_a_pipeline_does_not_see_what_is_unseen(stage: dict[str, Any], purpose: str, tmp_path: Path) -> None:
    evaluate = {"development": {"a": "gsm8k@test"}, "unseen": {"b": "secret.jsonl"}}
    config = load.validate(Pipeline, {"out": tmp_path, **stage, "evaluate": evaluate})
    with pytest.raises(UserError, match=rf"evaluate.unseen.b: secret.jsonl is also {purpose}, so it is not unseen"):
        plan.check(config)


def test_prompts_too_long_are_each_models_own() -> None:
    """Their tokenizers differ."""
    verdict = Verdict.correct()
    task = Task(id="t", prompt="p", verifier="exact", reference="a")
    scores = Scores([task], [[Judged(Rollout("r", (1,), (1,), (1,), (0.0,), (0,), "stop", "a"), verdict, 1.0)]])
    config = evaluation(development={"own": "own.jsonl"})
    models = {"short": "s", "long": "l"}
    found = summarise(config, models, {"own": dict.fromkeys(models, scores)}, {"own": {"short": 7, "long": 0}})
    assert {name: one["prompts_too_long"] for name, one in found["suites"]["own"]["models"].items()} == {
        "short": 7, "long": 0,
    }  # fmt: skip
