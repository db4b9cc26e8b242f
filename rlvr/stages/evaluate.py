"""Judge one or several checkpoints on suites of tasks, greedily unless told otherwise, and on raw text.

`summary.json` of the run directory holds the scores of every model and suite, the gains over the first model on the
same tasks, and the alignment tax; `SUITE/MODEL.jsonl` holds the responses and verdicts.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import ray

from rlvr.actors import RemoteEngine, RemoteGrader, device_of, wants_gpu
from rlvr.config import Compute
from rlvr.evaluation.estimates import difference
from rlvr.evaluation.evaluate import Scores, evaluate
from rlvr.evaluation.perplexity import Losses, change, measure, read
from rlvr.evaluation.suites import ALONE, Evaluate, Tax
from rlvr.jobs import attached
from rlvr.planning.placement import SHARE
from rlvr.records import trackers
from rlvr.records.runlog import RunLog
from rlvr.settings.load import ConfigError
from rlvr.tasks.sources import load_tasks
from verifiers import Task

Table = dict[str, dict[str, Scores]]
"""Suite -> model -> scores."""
Lengths = dict[str, dict[str, int]]
"""Suite -> model -> prompts that its tokenizer makes too long."""


def run(config: Evaluate) -> None:
    """Everything is read before anything is judged. Raises UserError."""
    suites = {name: load_tasks(source, limit=config.limit) for name, source in config.suites().items()}
    texts = read(config.tax) if config.tax else []
    models = config.models or {"model": config.model}
    with attached(), RunLog(config.out, "eval", len(models), also=trackers.start(config)) as log:
        table, too_long = asyncio.run(_judge(config, models, suites, log))
        tax = _tax(config, config.tax, models, texts) if config.tax else None
    summary = summarise(config, models, table, too_long) | ({"tax": tax} if tax else {})
    (config.out / "summary.json").write_text(json.dumps(summary, indent=2))


async def _judge(
    config: Evaluate, models: Mapping[str, str], suites: Mapping[str, Sequence[Task]], log: RunLog
) -> tuple[Table, Lengths]:
    """The scores of every suite and model, and how many prompts of it were too long for the model."""
    table: Table = {name: {} for name in suites}
    too_long: Lengths = {name: {} for name in suites}
    if not suites:
        return table, too_long
    engine = RemoteEngine(next(iter(models.values())), config.engine_batch, config.compute)
    grader = RemoteGrader(config.grading)
    for number, (model, checkpoint) in enumerate(models.items(), start=1):
        if number > 1:
            await engine.open(checkpoint)
        metrics: dict[str, float] = {}
        for suite, tasks in suites.items():
            prompts, too_long[suite][model] = await engine.encode(tasks, config.max_prompt_tokens)
            if not prompts:
                raise ConfigError(
                    f"{suite}: all {len(tasks)} prompts are longer than {config.max_prompt_tokens} tokens"
                )
            scores = await evaluate(prompts, engine, grader, config.sampling, config.samples, config.seed)
            table[suite][model] = scores
            _write_responses(config, suite, model, scores)
            metrics |= scores.metrics(label(suite, model))
        log(number, metrics)
    return table, too_long


def label(suite: str, model: str) -> str:
    """The single suite of a short configuration needs no name."""
    return model if suite == ALONE else f"{suite}/{model}"


def _write_responses(config: Evaluate, suite: str, model: str, scores: Scores) -> None:
    path = config.out / f"{label(suite, model)}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        for task, samples in zip(scores.tasks, scores.judged, strict=True):
            for judged in samples:
                verdict = judged.verdict.model_dump()
                row = {"task": task.model_dump(), "response": judged.rollout.text, "verdict": verdict}
                file.write(json.dumps(row) + "\n")


def summarise(config: Evaluate, models: Mapping[str, str], table: Table, too_long: Lengths) -> dict[str, Any]:
    """`models`: every model's scores on `tasks`, or its averages over the development suites. `suites`: everything."""
    suites = {name: _suite(config, name, scores, too_long[name]) for name, scores in table.items()}
    means = {
        kind: {model: fmean(s["models"][model]["accuracy"] for s in found) for model in models}
        for kind in ("development", "unseen")
        if (found := [suite for suite in suites.values() if suite["kind"] == kind])
    }
    if ALONE in suites:
        scores = suites[ALONE]["models"]
    else:
        named = {name: suite for name, suite in suites.items() if suite["kind"] == "development"}
        scores = {
            model: {"accuracy": mean, "families": {name: s["models"][model]["accuracy"] for name, s in named.items()}}
            for model, mean in means.get("development", {}).items()
        }
    held = {} if config.judge_unseen or not config.unseen else {"unseen_not_judged": sorted(config.unseen)}
    return {"models": scores, "suites": suites, "averages": means} | held


def _suite(config: Evaluate, name: str, scores: Mapping[str, Scores], too_long: Mapping[str, int]) -> dict[str, Any]:
    """One suite: each model's scores, and its gain over the first model on the same tasks."""
    first, *others = scores
    gains = {
        model: difference(scores[first].values, scores[model].values, config.seed)
        for model in others
        if scores[first].values.keys() & scores[model].values.keys()
    }
    found = {
        model: one.summary(config.pass_at) | {"prompts_too_long": too_long[model]} for model, one in scores.items()
    }
    for model, gain in gains.items():
        _say(f"{label(name, model)}: {gain.points()} over {first}")
    return {
        "kind": "unseen" if name in config.unseen else "development",
        "source": config.suites()[name],
        "models": found,
        "gains": {model: gain.row() for model, gain in gains.items()},
    }


def _tax(config: Evaluate, tax: Tax, models: Mapping[str, str], texts: Sequence[str]) -> dict[str, Any]:
    """Each model on the raw text, and its change against the first."""
    remote = ray.remote(num_cpus=SHARE, num_gpus=float(wants_gpu(config.compute) and SHARE))(_measured)
    losses: dict[str, Losses] = {}
    for name, model in models.items():
        losses[name] = ray.get(remote.remote(model, texts, tax, config.compute))
    first, *others = models
    found = {name: one.summary(config.seed) for name, one in losses.items()}
    for name in others:
        found[name]["change"] = change(losses[first], losses[name], config.seed)
        _say(f"{name}: {found[name]['change']['bits_per_byte']['value']:+.2%} bits per byte against {first}")
    return {"texts": tax.texts, "baseline": first, "models": found}


def _measured(model: str, texts: Sequence[str], tax: Tax, compute: Compute) -> Losses:
    import torch

    torch.set_num_threads(compute.threads or len(os.sched_getaffinity(0)))
    return measure(model, texts, tax, device_of(compute))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
