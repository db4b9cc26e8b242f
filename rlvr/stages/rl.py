"""Reinforcement learning: build the partners, then hand over to the loop."""

import asyncio
import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlvr.actors import RemoteEngine, RemoteGrader, RemoteLearner, nodes
from rlvr.config import RL, Sampling
from rlvr.evaluation.evaluate import evaluate
from rlvr.guards import heldout
from rlvr.guards.agreement import Compared
from rlvr.guards.breaker import Breaker
from rlvr.guards.watchdog import WatchedEngine, WatchedGrader, WatchedLearner, watched
from rlvr.jobs import attached
from rlvr.journal import Journal
from rlvr.loop import train
from rlvr.planning.placement import plan
from rlvr.records import trackers
from rlvr.records.runlog import RunLog
from rlvr.settings.load import ConfigError
from rlvr.tasks.contamination import gate
from rlvr.tasks.sources import load_tasks
from verifiers import Task

log = logging.getLogger(__name__)


def run(config: RL) -> None:
    """Train to the end. The best checkpoint by validation lies in `config.out / "model"`."""
    tasks = load_tasks(config.tasks.train, limit=config.tasks.limit)
    held = load_tasks(config.tasks.validation, limit=config.tasks.limit) if config.tasks.validation else []
    heldout.check(config.grading.strict, tasks)
    suites = {"validation": held} | {source: load_tasks(source) for source in config.tasks.against}
    tasks, contaminated = gate(tasks, suites, config.tasks.contaminated)
    if contaminated:
        log.warning("%d training tasks hold an evaluation task (tasks.contaminated)", contaminated)
    if resume := has_begun(config.out):
        refuse_changed(tasks, config.out)
    with attached(), RunLog(config.out, "rl", config.steps, resume, trackers.start(config, resume)) as record:
        summary = asyncio.run(_run(config, tasks, held, record))
    (config.out / "summary.json").write_text(json.dumps(summary | {"contaminated": contaminated}, indent=2))


def has_begun(out: Path) -> bool:
    return (out / "journal.sqlite").exists()


def refuse_changed(tasks: Sequence[Task], out: Path) -> None:
    """Raise ConfigError for tasks that the journal holds in another form: its verdicts would belong to neither."""
    journal = Journal(out / "journal.sqlite")
    changed = journal.changed(tasks)
    journal.close()
    if changed:
        raise ConfigError(
            f"tasks.train: {len(changed)} task(s) have changed since the run in {out} asked for them, the first is "
            f"{changed[0]}; give what has changed a new id, or start a new run directory"
        )


async def _run(config: RL, tasks: Sequence[Task], held: Sequence[Task], record: RunLog) -> dict[str, Any]:
    gpus = {place.process: place.gpus for place in plan(config, nodes())}
    engine = RemoteEngine(
        config.model, config.engine_batch, config.compute, config.engine, config.faults, gpus["engine"]
    )
    learner = RemoteLearner(config, lambda step: journal.batch_of(step), gpus["learner"])
    engine.source = learner.latest
    graders = RemoteGrader(config.grading, config.faults)
    grader = Breaker(graders, config.grading, window=config.prompts_per_step * config.group_size)
    judges = heldout.HeldOut(grader, graders, config.grading)
    prompts, too_long = await engine.encode(tasks, config.max_prompt_tokens)
    if not prompts:
        raise ConfigError(f"all {len(tasks)} prompts are longer than max_prompt_tokens ({config.max_prompt_tokens})")
    journal = Journal(config.out / "journal.sqlite")
    best = Best(config.out, learner, journal)
    validation, _ = await engine.encode(held, config.max_prompt_tokens)
    greedy = Sampling(temperature=0.0, max_tokens=config.sampling.max_tokens)

    async def validate(step: int) -> dict[str, float]:
        if not validation:
            await best.offer(step, step)
            return {}
        scores = await evaluate(validation, WatchedEngine(engine), WatchedGrader(grader), greedy)
        await best.offer(step, scores.accuracy)
        return scores.metrics("validation")

    clock = Clock()

    def log_step(step: int, metrics: dict[str, float]) -> None:
        lost = sum(member.losses for member in (*engine.members, *graders.members, learner.member))
        health = grader.metrics() | judges.metrics() | {"restarts": float(lost)}
        record(step, metrics | clock.rates(metrics.get("sampled_tokens", 0.0)) | health)

    compared = Compared(engine, learner, prompts, config)
    partners = WatchedEngine(compared), WatchedGrader(judges), WatchedLearner(learner)
    await train(config, prompts, *partners, journal, validate, log_step)
    states = journal.counts()
    journal.close()
    about = {"engine_difference": compared.difference}
    return about | {"steps": config.steps, "best": best.accuracy, "prompts_too_long": too_long, "states": states}


class Best:
    """Keeps the weights of the best validation so far in `model/`."""

    def __init__(self, out: Path, learner: RemoteLearner, journal: Journal) -> None:
        self.out, self.learner = out, learner
        before = [m["validation/accuracy"] for m in journal.steps().values() if "validation/accuracy" in m]
        whole = (out / "model" / "config.json").exists()  # not when it was killed while it published
        self.accuracy = max(before, default=-1.0) if whole else -1.0

    async def offer(self, step: int, accuracy: float) -> None:
        if accuracy > self.accuracy:
            self.accuracy = accuracy
            await watched(self.learner.publish(self.out / "model"), lambda: "the learner: the model of its best step")


class Clock:
    """Seconds and tokens a second since it was last asked."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def rates(self, tokens: float) -> dict[str, float]:
        now = time.monotonic()
        passed, self.last = now - self.last, now
        return {"step_seconds": passed, "tokens_per_s": tokens / passed}
