"""What each model of a run scored on each held-out task, and differences between models with their intervals.

Where two models answered the same tasks the difference is paired: its interval comes from the differences task by task.
Where they did not, it is Newcombe's (1998, method 10), from the two Wilson intervals. All intervals are of 95%.
"""

import json
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rlvr.view.figures import interval

Scores = Mapping[str, float]
"""Task id -> score in [0, 1]."""

ALL = "all"
"""The name under which every benchmark is taken together."""


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean score, and the ends of its interval."""

    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Delta:
    """A difference of two mean scores, and the ends of its interval."""

    value: float
    low: float
    high: float
    paired: bool


def read_scores(run: Path) -> dict[str, dict[str, Scores]]:
    """Model -> benchmark -> scores, of an evaluation or of a pipeline's. Empty without responses on disk.

    A benchmark is a task's source, or else its verifier. Answers whose verifier failed are left out.
    """
    folder = run / "evaluate" if (run / "evaluate").is_dir() else run
    try:
        models = json.loads((folder / "summary.json").read_text(encoding="utf-8"))["models"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    found = {model: _of_model(folder / f"{model}.jsonl") for model in models}
    return {model: scores for model, scores in found.items() if scores}


def _of_model(file: Path) -> dict[str, Scores]:
    benchmarks: dict[str, dict[str, float]] = defaultdict(dict)
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        for row in map(json.loads, lines):
            task, score = row["task"], row["verdict"]["score"]
            if score is not None:
                name = (task.get("source") or task["verifier"]).removeprefix("procedural:")
                benchmarks[name][task["id"]] = benchmarks[ALL][task["id"]] = float(score)
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return dict(sorted(benchmarks.items(), key=lambda item: (item[0] == ALL, item[0])))


def mean(scores: Scores) -> Mean:
    """Of at least one score."""
    value = math.fsum(scores.values()) / len(scores)
    return Mean(value, *interval(value, len(scores)), len(scores))


def delta(before: Scores, after: Scores) -> Delta:
    """How much better `after` is. Each needs at least one score."""
    if before.keys() == after.keys() and len(before) > 1:
        return _paired([after[task] - before[task] for task in before])
    old, new = mean(before), mean(after)
    low = math.hypot(new.value - new.low, old.high - old.value)
    high = math.hypot(new.high - new.value, old.value - old.low)
    value = new.value - old.value
    return Delta(value, value - low, value + high, paired=False)


def _paired(differences: list[float]) -> Delta:
    count = len(differences)
    value = math.fsum(differences) / count
    variance = math.fsum((each - value) ** 2 for each in differences) / (count - 1)
    half = 1.96 * math.sqrt(variance / count)
    return Delta(value, value - half, value + half, paired=True)
