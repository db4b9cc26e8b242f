"""Judge one or several checkpoints on tasks, greedily unless told otherwise."""

import asyncio
import json
from collections.abc import Sequence

from rlvr.actors import RemoteEngine, RemoteGrader
from rlvr.config import Evaluate
from rlvr.evaluate import Scores, evaluate
from rlvr.jobs import attached
from rlvr.load import ConfigError
from rlvr.runlog import RunLog
from rlvr.tasks.sources import load_tasks
from verifiers import Task


def run(config: Evaluate) -> None:
    """`summary.json` of the run directory holds the scores of every model, `NAME.jsonl` its responses and verdicts."""
    tasks = load_tasks(config.tasks, limit=config.limit)
    models = config.models or {"model": config.model}
    with attached(), RunLog(config.out, "eval", len(models)) as log:
        asyncio.run(_run(config, models, tasks, log))


async def _run(config: Evaluate, models: dict[str, str], tasks: Sequence[Task], log: RunLog) -> None:
    first, *_ = models.values()
    engine = RemoteEngine(first, config.engine_batch, config.compute)
    grader = RemoteGrader(config.grading)
    summary = {}
    for number, (name, model) in enumerate(models.items(), start=1):
        if number > 1:
            await engine.open(model)
        prompts, too_long = await engine.encode(tasks, config.max_prompt_tokens)
        if not prompts:
            raise ConfigError(
                f"all {len(tasks)} prompts are longer than max_prompt_tokens ({config.max_prompt_tokens})"
            )
        scores = await evaluate(prompts, engine, grader, config.sampling)
        summary[name] = scores.summary() | {"tasks": len(prompts), "prompts_too_long": too_long}
        _write_responses(config, name, [prompt.task for prompt in prompts], scores)
        log(number, scores.metrics(name))
    (config.out / "summary.json").write_text(json.dumps({"models": summary}, indent=2))


def _write_responses(config: Evaluate, name: str, tasks: Sequence[Task], scores: Scores) -> None:
    with (config.out / f"{name}.jsonl").open("w") as file:
        for task, judged in zip(tasks, scores.judged, strict=True):
            row = {"task": task.model_dump(), "response": judged.rollout.text, "verdict": judged.verdict.model_dump()}
            file.write(json.dumps(row) + "\n")
