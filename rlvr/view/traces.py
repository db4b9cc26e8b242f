"""The numbers of a run as plotly.js draws them: the same curves as in the report, and the mix of verdicts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rlvr.view import story
from rlvr.view.curves import Curve, charts
from rlvr.view.figures import thin
from rlvr.view.lines import Lines, describe
from rlvr.view.run import Run

MOST_POINTS = 1500
"""Of a line; longer ones are sent as means of equal runs."""


@dataclass(frozen=True, slots=True)
class Section:
    """The curves of one stage."""

    name: str
    charts: list[tuple[str, Curve, Lines, str]]
    """Id in the page, what it is, its data, and what a screen reader says of it."""


def sections(run: Run, looks: Mapping[str, str]) -> list[Section]:
    """RL first, which is what people come for."""
    measured = [stage for stage in run.stages if stage.metrics and stage.kind != "eval"]  # it has models, not steps
    found = []
    for stage in sorted(measured, key=lambda stage: stage.kind != "rl"):
        drawn = [
            (f"{stage.name}-{place}", curve, lines, describe(lines))
            for place, (curve, lines) in enumerate(charts(stage.kind, stage.metrics, looks))
        ]
        if drawn:
            found.append(Section(story.name(stage.kind), drawn))
    return found


def body(run: Run, looks: Mapping[str, str], live: bool) -> dict[str, Any]:
    """What `curves.json` holds."""
    drawn = [chart for section in sections(run, looks) for chart in section.charts]
    return {"live": live, "status": progress(run), "charts": {id: _chart(lines) for id, _, lines, _ in drawn}}


def progress(run: Run) -> str:
    """`RL step 12 of 90`, of the stage that wrote last."""
    measured = [stage for stage in run.stages if stage.metrics and stage.kind != "eval"]
    if not measured:
        return "starting"
    last = measured[-1].metrics[-1]
    of = f" of {last['total']:,.0f}" if last.get("total") else ""
    return f"{story.name(measured[-1].kind)}: step {last['step']:,.0f}{of}"


def _chart(lines: Lines) -> dict[str, Any]:
    series = []
    for each in lines.series:
        points = thin(each.points, MOST_POINTS)
        series.append({"name": each.name, "look": each.look, "x": [x for x, _ in points], "y": [y for _, y in points]})
    return {"unit": lines.unit, "share": lines.share, "whole": lines.whole, "dots": lines.dots, "series": series}
