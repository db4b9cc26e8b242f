"""What each model of a run scored on each held-out task, as the responses on disk say."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import fmean

Scores = Mapping[str, float]
"""Task id -> score in [0, 1]; the mean where there are several responses to a task."""

ALL = "all"
"""The name under which the tasks of every benchmark are taken together."""
ALONE = "tasks"
"""The suite of an evaluation that names none; its responses are in no folder of their own."""


def read_scores(run: Path) -> dict[str, dict[str, Scores]]:
    """Model -> benchmark -> scores, of an evaluation or of a pipeline's. Empty without responses on disk.

    A benchmark is a suite of the evaluation; where it has none, a source of tasks, or else a verifier. Answers whose
    verifier failed are left out.
    """
    folder = run / "evaluate" if (run / "evaluate").is_dir() else run
    try:
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        models, suites = list(summary["models"]), list(summary.get("suites") or [ALONE])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    found = {model: _of_model(folder, model, suites) for model in models}
    return {model: scores for model, scores in found.items() if scores}


def _of_model(folder: Path, model: str, suites: list[str]) -> dict[str, Scores]:
    benchmarks: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for suite in suites:
        file = folder / f"{model}.jsonl" if suite == ALONE else folder / suite / f"{model}.jsonl"
        for source, task, score in _rows(file):
            benchmarks[source if suite == ALONE else suite][task].append(score)
            benchmarks[ALL][f"{suite}/{task}"].append(score)
    names = sorted(benchmarks, key=lambda name: (name == ALL, name))
    return {name: {task: fmean(values) for task, values in benchmarks[name].items()} for name in names}


def _rows(file: Path) -> Iterator[tuple[str, str, float]]:
    """(source or verifier, task, score) of every response that could be judged; of a damaged file, none from there."""
    try:
        with file.open(encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                task, score = row["task"], row["verdict"]["score"]
                if score is not None:
                    yield (task.get("source") or task["verifier"]).removeprefix("procedural:"), task["id"], float(score)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return
