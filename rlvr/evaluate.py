"""Accuracy of a policy on tasks, by family: the name of the verifier that judges."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from rlvr.config import Sampling
from rlvr.partners import Engine, Grader
from rlvr.samples import Judged, Prompt, Request
from verifiers import Item


@dataclass(frozen=True, slots=True)
class Scores:
    """Fractions in [0, 1]; `error` verdicts are left out and counted."""

    accuracy: float
    families: dict[str, float]
    errors: int
    judged: list[Judged]

    def summary(self) -> dict[str, Any]:
        return {"accuracy": self.accuracy, "families": self.families, "errors": self.errors}

    def metrics(self, prefix: str) -> dict[str, float]:
        return {f"{prefix}/accuracy": self.accuracy} | {f"{prefix}/{name}": v for name, v in self.families.items()}


async def evaluate(prompts: Sequence[Prompt], engine: Engine, grader: Grader, sampling: Sampling) -> Scores:
    """One response a prompt, judged. Raises ValueError when not one verdict could be had."""
    requests = [Request(f"{i:06}", prompt.ids, i) for i, prompt in enumerate(prompts)]
    rollouts = sorted([r async for r in engine.sample(requests, sampling)], key=lambda r: r.id)
    tasks = [prompt.task for prompt in prompts]
    verdicts = await grader.grade_many(
        [Item(r.id, t.verifier, r.text, t.reference, t.params) for r, t in zip(rollouts, tasks, strict=True)]
    )
    families: dict[str, list[float]] = defaultdict(list)
    for task, verdict in zip(tasks, verdicts, strict=True):
        if verdict.score is not None:
            families[task.verifier].append(verdict.score)
    scores = [score for family in families.values() for score in family]
    if not scores:
        raise ValueError(f"every one of {len(verdicts)} verdicts is an error, first: {verdicts[0].reason}")
    return Scores(
        fmean(scores),
        {name: fmean(values) for name, values in sorted(families.items())},
        len(verdicts) - len(scores),
        [Judged(r, v, v.score) for r, v in zip(rollouts, verdicts, strict=True)],
    )
