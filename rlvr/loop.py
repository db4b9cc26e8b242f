"""The whole of RLVR on one page.

    task -> rollouts -> verdicts -> advantages -> update -> weights -> next rollouts

Nothing here knows of Ray, vLLM or torch: the partners are protocols, and `rlvr/actors.py` puts each on its machine.
`max_lag` is the only switch between on-policy and pipelined training. What happens is journaled before it has an
effect, and what is asked of the engine is a function of the seed and the batch's number alone; so a run that was killed
at any instant goes on from its journal and its last checkpoint as if nothing had been.
"""

import statistics
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from statistics import fmean

from rlvr.collect import Batch, Collector
from rlvr.config import RL
from rlvr.errors import RunStopped, WorkFailed
from rlvr.learner import advantage
from rlvr.partners import Engine, Grader, Journal, Learner
from rlvr.samples import Group, Prompt

FLAT_IN_A_ROW = 10
"""So many batches in which no two rewards differ end the run: it is not learning."""

Validate = Callable[[int], Awaitable[dict[str, float]]]
"""Judge the weights of a step."""
Log = Callable[[int, dict[str, float]], None]


async def train(
    config: RL,
    prompts: Sequence[Prompt],
    engine: Engine,
    grader: Grader,
    learner: Learner,
    journal: Journal,
    validate: Validate,
    log: Log,
) -> None:
    """Run to `config.steps`, from wherever the journal and the last checkpoint stand."""
    step, metrics = await recover(learner, journal)
    await engine.load(await learner.weights(), step)
    if not journal.steps().get(step):  # a new run, or one that died before it could look at this step
        metrics |= await validate(step) if looks(config, step) else {}
        journal.metrics(step, metrics)
        log(step, metrics)
        if step:
            await learner.checkpoint(step)
    async with Collector(config, prompts, engine, grader, journal, step) as collector:
        while step < config.steps:
            batch = await collector.batch()
            samples = advantage.samples(batch.groups, config.objective.advantage)
            journal.trained(step + 1, samples, batch.dropped(config.objective.advantage))
            metrics = await learner.step(samples)
            step += 1
            await engine.load(await learner.weights(), step)
            collector.loaded(step)

            metrics |= summary(batch, step)
            if looks(config, step):
                metrics |= await validate(step)
            journal.metrics(step, metrics)
            log(step, metrics)
            if step % config.checkpoint_every == 0 or step == config.steps:
                await learner.checkpoint(step)
            stop_if_hopeless(config, batch.groups, journal)


def looks(config: RL, step: int) -> bool:
    """Whether the weights of this step are validated."""
    return step % config.evaluate_every == 0 or step == config.steps


async def recover(learner: Learner, journal: Journal) -> tuple[int, dict[str, float]]:
    """Back to the last checkpoint, then through the journaled batches after it.

    Returns the step reached, and what the learner said of it, if it was taken again.
    """
    step, metrics = await learner.restore(), dict[str, float]()
    reached = max(journal.steps(), default=0)
    if step > reached:
        raise WorkFailed(
            f"the last checkpoint is of step {step}, and the journal ends at step {reached}: they are not of one run; "
            "put the run's journal.sqlite back, or start a new run directory"
        )
    for replayed in range(step + 1, reached + 1):
        metrics = await learner.step(journal.batch_of(replayed))
    return reached, metrics


def summary(batch: Batch, step: int) -> dict[str, float]:
    """What the step's groups say: rewards as judged, by verifier, and how much of the batch taught something."""
    groups = batch.groups
    judged = [(group.task.verifier, j) for group in groups for j in group.judged]
    if not judged:
        return {}
    scores = [(name, j.verdict.score) for name, j in judged if j.verdict.score is not None]
    metrics = {
        "informative": fmean(map(advantage.informative, groups)),
        "errors": fmean(j.verdict.status == "error" for _, j in judged),
        "undecided": fmean(j.verdict.status == "undecided" for _, j in judged),
        "no_answer": fmean(j.verdict.status == "no_answer" for _, j in judged),
        "repeated": repeated(groups),
        "reward_by_length": correlation([(len(j.rollout.response_ids), j.reward) for _, j in judged]),
        "truncated": fmean(j.rollout.finish == "length" for _, j in judged),
        "response_tokens": fmean(len(j.rollout.response_ids) for _, j in judged),
        "sampled_tokens": float(sum(len(j.rollout.response_ids) for _, j in judged)),
        "lag": fmean(step - 1 - min(j.rollout.versions) for _, j in judged),
        "stale": len(batch.stale) / (len(groups) + len(batch.stale)),
    }
    if scores:
        metrics["reward"] = fmean(score for _, score in scores)
    for name in sorted({name for name, _ in scores}):
        metrics[f"reward/{name}"] = fmean(score for other, score in scores if other == name)
    return metrics


def repeated(groups: Sequence[Group]) -> float:
    """The share of responses that were given to another task as well, word for word."""
    tasks: dict[str, set[str]] = defaultdict(set)
    for group in groups:
        for j in group.judged:
            tasks[j.rollout.text].add(group.task.id)
    return fmean(len(tasks[j.rollout.text]) > 1 for group in groups for j in group.judged)


def correlation(pairs: Sequence[tuple[float, float | None]]) -> float:
    """Pearson's, of the pairs that have both; 0 where one of the two does not vary."""
    known = [(x, y) for x, y in pairs if y is not None]
    if len({x for x, _ in known}) < 2 or len({y for _, y in known}) < 2:
        return 0.0
    return statistics.correlation(*zip(*known, strict=True))


def stop_if_hopeless(config: RL, groups: Sequence[Group], journal: Journal) -> None:
    """Raise RunStopped when rewards have not differed for a while: within a group, or with a critic within a batch."""
    solved = all(j.verdict.score == 1.0 for group in groups for j in group.judged)
    spreads = journal.last_spreads(FLAT_IN_A_ROW)
    flat = len(spreads) == FLAT_IN_A_ROW and max(spreads) <= advantage.AGREE
    if flat and not solved and config.control == "none":
        what, more = ("batch", "prompts_per_step") if config.critic else ("group", "group_size")
        raise RunStopped(
            f"no {what} of the last {FLAT_IN_A_ROW} steps had differing rewards, so nothing is learned; "
            f"use easier or harder tasks, or a larger {more}"
        )
