"""Accuracy of a policy on tasks, by family (the name of the verifier that judges), and pass@k of several samples."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

from rlvr.collect import seed_of
from rlvr.config import Sampling
from rlvr.errors import WorkFailed
from rlvr.evaluation.estimates import Estimate, pass_at, share
from rlvr.partners import Engine, Grader
from rlvr.samples import Judged, Prompt, Request
from verifiers import Task


@dataclass(frozen=True)
class Scores:
    """Fractions in [0, 1]; `error` verdicts are left out and counted."""

    tasks: list[Task]
    judged: list[list[Judged]]
    """Of each task, its samples."""

    @cached_property
    def values(self) -> dict[str, float]:
        """Task id -> mean score of its samples; without tasks all of whose verdicts are errors."""
        scores = {task.id: _scores(samples) for task, samples in zip(self.tasks, self.judged, strict=True)}
        return {name: fmean(found) for name, found in scores.items() if found}

    @property
    def accuracy(self) -> float:
        return fmean(self.values.values())

    @property
    def families(self) -> dict[str, float]:
        found: dict[str, list[float]] = defaultdict(list)
        for task in self.tasks:
            if task.id in self.values:
                found[task.verifier].append(self.values[task.id])
        return {name: fmean(values) for name, values in sorted(found.items())}

    @property
    def errors(self) -> int:
        return sum(one.verdict.score is None for samples in self.judged for one in samples)

    def pass_at(self, k: int) -> Estimate | None:
        """Over the tasks with at least `k` verdicts that are no errors; None when there are none."""
        chances = [pass_at(len(found), found.count(1.0), k) for found in map(_scores, self.judged) if len(found) >= k]
        return share(chances) if chances else None

    def summary(self, ks: Sequence[int] = ()) -> dict[str, Any]:
        """As it is written: accuracy with its interval, families, pass@k."""
        estimate = share(list(self.values.values()))
        found = {
            "accuracy": self.accuracy,
            "interval": [estimate.low, estimate.high],
            "families": self.families,
            "errors": self.errors,
            "tasks": len(self.tasks),
        }
        passed = {str(k): self.pass_at(k) for k in ks}
        return found | ({"pass@k": {k: one.row() if one else None for k, one in passed.items()}} if ks else {})

    def metrics(self, prefix: str) -> dict[str, float]:
        return {f"{prefix}/accuracy": self.accuracy} | {f"{prefix}/{name}": v for name, v in self.families.items()}


def _scores(samples: Sequence[Judged]) -> list[float]:
    return [one.verdict.score for one in samples if one.verdict.score is not None]


async def evaluate(
    prompts: Sequence[Prompt], engine: Engine, grader: Grader, sampling: Sampling, samples: int = 1, seed: int = 0
) -> Scores:
    """`samples` responses a prompt, judged. Raises WorkFailed when not one verdict could be had."""
    asked = [(i, prompt, f"{i:06}/{j:03}") for i, prompt in enumerate(prompts) for j in range(samples)]
    requests = [Request(id, prompt.ids, seed_of(seed, f"evaluate/{id}")) for _, prompt, id in asked]
    rollouts = {r.id: r async for r in engine.sample(requests, sampling)}
    verdicts = await grader.grade_many([rollouts[id].item(prompt.task) for _, prompt, id in asked])
    judged: list[list[Judged]] = [[] for _ in prompts]
    for (i, _, id), verdict in zip(asked, verdicts, strict=True):
        judged[i].append(Judged(rollouts[id], verdict, verdict.score))
    scores = Scores([prompt.task for prompt in prompts], judged)
    if not scores.values:
        raise WorkFailed(
            f"every one of {len(verdicts)} verdicts is an error, first: {verdicts[0].reason}; mend the verifier first"
        )
    return scores
