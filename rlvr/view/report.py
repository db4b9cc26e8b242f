"""A run as one HTML file that opens from disk: no network, no script, light and dark, on a laptop and on a phone.

What can be read is shown, and what cannot is named on the page. A run that is still going can be reported as well.
"""

import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from rlvr import __version__
from rlvr.view import bars, curves, figures, lines, story, svg
from rlvr.view.alarms import alarms
from rlvr.view.history import History, Shown, as_text, clip, read_history
from rlvr.view.run import Row, Run, StageRun, read_run

CONFIG_LIMIT = 8000
"""Characters shown of a configuration."""

MOST_METRICS = 60
"""Rows of a stage's table of metrics."""

STATUSES = ("correct", "partial", "incorrect", "no_answer", "undecided", "error")
STATES = ("issued", "generated", "judged", "trained", "dropped")
FIRST_FAMILIES = ("math", "code", "instructions")
"""These keep their colours from run to run."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure that sums something up."""

    value: str
    name: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar that is divided."""

    name: str
    value: float
    text: str
    look: str


@dataclass(frozen=True, slots=True)
class Chart:
    title: str
    about: str
    large: bool
    picture: Markup
    legend: list[tuple[Markup, str, str]]
    """Swatch, name, last value."""
    smoothed: bool


@dataclass(frozen=True, slots=True)
class MetricRow:
    name: str
    first: str
    last: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Section:
    """The curves of a stage, or of several."""

    name: str
    charts: list[Chart]
    tables: list[tuple[str, list[MetricRow]]]
    """By stage."""


def write_report(run: Path, path: Path | None = None) -> Path:
    """Write the page, `report.html` in the run directory by default; returns its path. Raises NoRun and OSError."""
    path = path or run / "report.html"
    html = render(read_run(run))
    path.write_text(html, encoding="utf-8")
    return path


def render(run: Run) -> str:
    """The page."""
    return fill("report.html", **context(run), sections=list(_sections(run, looks_of(run))))


def fill(template: str, **values: Any) -> str:
    """A template filled in, with what cannot be seen made visible."""
    return _UNSEEN.sub(
        lambda found: found[0].encode("unicode_escape").decode(), _environment().get_template(template).render(values)
    )


def context(run: Run) -> dict[str, Any]:
    """What the report and the run's page have in common; the curves, which each draws in its own way, are left out."""
    history, problems = _history(run)
    looks = looks_of(run)
    rl = run.stage("rl")
    return {
        "run": run,
        "link": None,
        "title": run.path.resolve().name,
        "version": __version__,
        "control": run.control,
        "control_meaning": story.CONTROLS.get(run.control, run.control),
        "story": story.tell(run),
        "tiles": list(_tiles(run, history)),
        "alarms": alarms(rl.metrics) if rl else [],
        "looks": looks,
        "families": [name for name in looks if any(name in score.families for score in run.summary.stages.values())],
        "headline": _headline(run, looks),
        "before": _before(run),
        "intervals": _intervals(run),
        "time": _time(run),
        "history": history,
        "statuses": _statuses(history),
        "verdicts": sorted(history.verdicts, key=lambda row: _place(row.verifier, looks)) if history else [],
        "samples": _samples(history, looks),
        "mix": _mix(history),
        "states": _states(history),
        "configs": [(name, clip(text, CONFIG_LIMIT)) for name, text in _configs(run) if text],
        "problems": [*run.problems, *problems],
    }


_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
"""Control characters, those that turn the direction of the text around them, and halves of characters: a page that
shows them as `\\x07` or `\\u202e` cannot be made to read otherwise than it is."""


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("rlvr.view"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": figures.percent, "number": figures.number, "points": figures.points}
    environment.filters |= {"ago": figures.ago, "brief": clip, "show": as_text}
    environment.globals |= {"swatch": svg.swatch, "stage_name": story.name}
    return environment


def _history(run: Run) -> tuple[History | None, list[str]]:
    if run.journal is None:
        return None, []
    try:
        return read_history(run.journal), []
    except sqlite3.Error as error:
        return None, [f"{run.journal.parent.name}/{run.journal.name} cannot be read: {error}"]


def looks_of(run: Run) -> dict[str, str]:
    """Family -> class of its colour."""
    judged = chain.from_iterable(score.families for score in run.summary.stages.values())
    known = {*judged, *chain.from_iterable(curves.families(stage.metrics) for stage in run.stages)}
    ordered = [name for name in FIRST_FAMILIES if name in known] + sorted(known - set(FIRST_FAMILIES))
    return {name: f"c{place % 8}" for place, name in enumerate(ordered)}


def _tiles(run: Run, history: History | None) -> Iterator[Tile]:
    scores, before, gap = run.summary.stages, story.before_rl(run), story.gap_closed(run)
    if before:
        gain = scores["rl"].accuracy - scores[before].accuracy
        note = f"{figures.points(gain)} points over {story.name(before)}"
        yield Tile(figures.percent(scores["rl"].accuracy), "held-out accuracy, RL", note)
    if gap is not None and run.control == "none":
        yield Tile(figures.percent(gap), "of SFT's gap closed", "to 100% on held-out tasks")
    rl = run.stage("rl")
    if rl and rl.metrics:
        yield Tile(f"{rl.metrics[-1]['step']:,.0f}", "RL steps", _rate(rl.metrics))
    if history:
        judged = sum(row.total for row in history.verdicts)
        errors = sum(row.statuses.get("error", 0) for row in history.verdicts)
        yield Tile(f"{judged:,}", "answers judged", f"{errors:,} verifier error{'s' if errors != 1 else ''}, masked")
    if run.summary.seconds is not None:
        yield Tile(figures.duration(run.summary.seconds), "from start to end", "all stages")


def _rate(rows: list[Row]) -> str:
    """Middle throughput of the run."""
    rates = sorted(row["tokens_per_s"] for row in rows if "tokens_per_s" in row)
    return f"{rates[len(rates) // 2]:,.0f} tokens/s" if rates else ""


def _headline(run: Run, looks: Mapping[str, str]) -> Markup | None:
    if not run.summary.stages:
        return None
    groups = {
        story.name(name): (
            score.accuracy,
            {family: score.families[family] for family in looks if family in score.families},
        )
        for name, score in run.summary.stages.items()
    }
    return bars.grouped(groups, looks, "Held-out accuracy by stage")


def _before(run: Run) -> dict[str, str | None]:
    """Stage -> the judged stage before it."""
    names = list(run.summary.stages)
    return dict(zip(names, [None, *names], strict=False))


def _intervals(run: Run) -> dict[str, str]:
    """Stage -> 95% interval of its accuracy, in percent."""
    return {name: f"{100 * low:.1f}\N{EN DASH}{100 * high:.1f}" for name, (low, high) in run.intervals.items()}


def _sections(run: Run, looks: Mapping[str, str]) -> Iterator[Section]:
    """RL first, which is what people come for; what went before it, in order, in a section of its own."""
    measured = [stage for stage in run.stages if stage.metrics and stage.kind != "eval"]  # it has models, not steps
    rl = [stage for stage in measured if stage.kind == "rl"]
    for stages in (rl, [stage for stage in measured if stage.kind != "rl"]):
        if stages:
            several = len(stages) > 1
            found = [chart for stage in stages for chart in _charts(stage, looks, several)]
            names = [story.name(stage.kind) for stage in stages]
            yield Section(" and ".join(names), found, [(story.name(stage.kind), _metrics(stage)) for stage in stages])


def _charts(stage: StageRun, looks: Mapping[str, str], several: bool) -> Iterator[Chart]:
    for curve, chart in curves.charts(stage.kind, stage.metrics, looks):
        title = f"{story.name(stage.kind)}: {curve.title.lower()}" if several else curve.title
        legend = [(svg.swatch(series.look), series.name, chart.text(series.points[-1][1])) for series in chart.series]
        yield Chart(title, curve.about, curve.large, lines.draw(chart), legend, chart.smoothed)


def _metrics(stage: StageRun) -> list[MetricRow]:
    """First, last, lowest and highest of every metric, for those who would rather read than look."""
    names = sorted({name for row in stage.metrics for name in row} - {"step", "total"})
    rows = []
    for name in names[:MOST_METRICS]:
        values = [row[name] for row in stage.metrics if name in row]
        shown = (figures.number(value) for value in (values[0], values[-1], min(values), max(values)))
        rows.append(MetricRow(clip(name), *shown))
    return rows


def _time(run: Run) -> list[Part]:
    """Seconds of each stage, and what the whole took beside them."""
    spent = dict(run.summary.stage_seconds)
    if spent and run.summary.seconds is not None:
        rest = run.summary.seconds - sum(spent.values())
        if rest > 0.005 * run.summary.seconds:
            spent["everything else"] = rest
    return [
        Part(story.name(name), seconds, figures.duration(seconds), "rest" if name == "everything else" else f"t{i % 6}")
        for i, (name, seconds) in enumerate(spent.items())
    ]


def _statuses(history: History | None) -> list[str]:
    """Those that were given, in their order."""
    return [status for status in STATUSES if history and any(status in row.statuses for row in history.verdicts)]


def _samples(history: History | None, looks: Mapping[str, str]) -> list[tuple[str, list[Shown]]]:
    return sorted(history.samples.items(), key=lambda item: _place(item[0], looks)) if history else []


def _place(family: str, looks: Mapping[str, str]) -> int:
    """The families in the same order everywhere, others after them."""
    return list(looks).index(family) if family in looks else len(looks)


def _mix(history: History | None) -> Markup | None:
    if not history or len(history.mix) < 2:
        return None
    return bars.stacked(history.mix, STATUSES, "Verdicts over the run; the table below has the totals")


def _states(history: History | None) -> list[Part]:
    if not history:
        return []
    return [
        Part(state, history.states[state], f"{history.states[state]:,}", state)
        for state in STATES
        if state in history.states
    ]


def _configs(run: Run) -> Iterator[tuple[str, str]]:
    yield "config.toml", run.config_text
    for stage in run.stages:
        if stage.folder != run.path:
            yield f"{stage.name}/config.toml", stage.config
