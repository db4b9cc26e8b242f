"""Two runs on one page: accuracy with paired differences, and their curves over each other. One file, no script."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from rlvr import __version__
from rlvr.settings.toml import dotted
from rlvr.view import lines, paper
from rlvr.view.curves import CURVES, Curve
from rlvr.view.lines import Lines, Series
from rlvr.view.report import fill
from rlvr.view.run import Run, read_run
from rlvr.view.scores import read_scores

LOOKS = ("c0", "c1")


def write_comparison(first: Path, second: Path, path: Path) -> Path:
    """Write the page; returns its path. Raises NoRun, and OSError when it cannot write."""
    path.write_text(render(read_run(first), read_run(second)), encoding="utf-8")
    return path


def render(first: Run, second: Run) -> str:
    labels = label_pair(first.path, second.path)
    scores = read_scores(first.path), read_scores(second.path)
    table = paper.of_two(labels, *scores) if all(scores) else []
    return fill(
        "comparison.html",
        labels=labels,
        runs=(first, second),
        looks=LOOKS,
        version=__version__,
        table=table,
        charts=list(_charts(labels, first, second)),
        differing=list(_settings(first, second)),
        problems=[*first.problems, *second.problems],
    )


def label_pair(first: Path, second: Path) -> tuple[str, str]:
    """Their folders' names, with more of the path where these are the same."""
    one, two = first.resolve(), second.resolve()
    if one.name != two.name:
        return one.name, two.name
    return f"{one.parent.name}/{one.name}", f"{two.parent.name}/{two.name}"


def _charts(labels: tuple[str, str], first: Run, second: Run) -> Iterator[tuple[Curve, Markup]]:
    for kind in ("rl", "dpo", "sft", "reward_model"):
        stages = first.stage(kind), second.stage(kind)
        for curve in CURVES.get(kind, ()):
            key = curve.keys[0].rstrip("/")
            series = [
                Series(label, look, [(row["step"], row[key]) for row in stage.metrics if key in row])
                for label, look, stage in zip(labels, LOOKS, stages, strict=True)
                if stage and any(key in row for row in stage.metrics)
            ]
            if len(series) == 2:
                flags = (curve.share, curve.whole, curve.dots, curve.exact, curve.large)
                yield curve, lines.draw(Lines(curve.title, curve.unit, series, *flags))


def _settings(first: Run, second: Run) -> Iterator[tuple[str, str, str]]:
    """Keys of the configurations that differ, with both values."""
    one, two = (dict(_flat(run)) for run in (first, second))
    for key in sorted(one.keys() | two.keys()):
        values = one.get(key, ""), two.get(key, "")
        if values[0] != values[1] and key.rpartition(".")[2] != "out":
            yield key, *values


def _flat(run: Run) -> Iterator[tuple[str, str]]:
    """A pipeline's own settings, and those of its stages as the stages had them."""
    names = {stage.name for stage in run.stages}
    if all(stage.folder != run.path for stage in run.stages):
        yield from _keys("", {key: value for key, value in run.config.items() if key not in names})
    for stage in run.stages:
        yield from _keys(f"{stage.kind}.", stage.settings)


def _keys(section: str, settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in dotted(settings, section):
        yield name, json.dumps(value, default=str, ensure_ascii=False)
