"""A chart of lines over steps. No script: a browser's own tooltips show the exact numbers of a step."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from rlvr.view.figures import Point, number, percent, smooth, thin, ticks
from rlvr.view.svg import Frame, band, mark, picture, tag, x_axis, y_axis

MOST_POINTS, MOST_BANDS = 200, 60
"""Of a line (longer ones are drawn as means), and places that answer to the pointer."""

SMOOTH_FROM, WINDOW = 24, 5
"""Lines with so many points are drawn as means over WINDOW points, before a pale line of the points themselves."""


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    look: str
    """A class of the style sheet: `all`, `c0`, `c1`, ..."""
    points: Sequence[Point]
    """Ascending; at least one."""


@dataclass(frozen=True, slots=True)
class Lines:
    title: str
    unit: str
    series: Sequence[Series]
    share: bool = False
    """Values are fractions, shown as percentages."""
    whole: bool = False
    """The axis runs from 0 to 1 whatever the data."""
    dots: bool = False
    """Each point is a measurement of its own, and marked."""
    exact: bool = False
    """Never smoothed."""
    large: bool = False

    @property
    def smoothed(self) -> bool:
        return not (self.dots or self.exact) and max(len(series.points) for series in self.series) >= SMOOTH_FROM

    def text(self, value: float) -> str:
        return percent(value) if self.share else number(value)


def draw(chart: Lines) -> Markup:
    frame = _frame(chart)
    round_steps = [x for x in ticks(*frame.x, count=6) if frame.x[0] <= x <= frame.x[1] and x.is_integer()]
    axes = (y_axis(frame, ticks(*frame.y, count=6), chart.share, chart.unit), x_axis(frame, round_steps, "step"))
    drawn = [_line(series, chart, frame) for series in chart.series]
    return picture(describe(chart), frame, chart.large, *axes, *drawn, _bands(chart, frame))


def _frame(chart: Lines) -> Frame:
    xs = [x for series in chart.series for x, _ in series.points]
    ys = [y for series in chart.series for _, y in series.points]
    low, high = (0.0, 1.0) if chart.whole else (min(0.0, *ys), max(ys))
    if chart.share:
        high = max(high, 0.02)
    y, (width, height, top) = ticks(low, high, count=6), (560, 295, 36) if chart.large else (380, 215, 30)
    first = 0.0 if 0 <= min(xs) <= 0.1 * max(xs) else min(xs)
    x = (first, max(xs)) if max(xs) > first else (first - 1, first + 1)
    return Frame(width, height, x=x, y=(y[0], y[-1]), top=top)


def _line(series: Series, chart: Lines, frame: Frame) -> Markup:
    exact = thin(series.points, MOST_POINTS)
    drawn = thin(smooth(series.points, WINDOW), MOST_POINTS) if chart.smoothed else exact
    pale = [tag("path", class_="pale", d=_path(exact, frame))] if chart.smoothed else []
    marked = drawn if chart.dots and len(drawn) <= MOST_BANDS else drawn[-1:]
    marks = [mark(series.look, frame.at_x(x), frame.at_y(y)) for x, y in marked]
    return tag("g", *pale, tag("path", class_="line", d=_path(drawn, frame)), *marks, class_=series.look)


def _path(series: Sequence[Point], frame: Frame) -> str:
    return "M" + "L".join(f"{frame.at_x(x):.1f} {frame.at_y(y):.1f}" for x, y in series)


def _bands(chart: Lines, frame: Frame) -> Markup:
    """One a step; every k-th step of a long run, the last one always."""
    told: dict[float, list[str]] = {}
    for series in chart.series:
        for x, y in series.points:
            told.setdefault(x, []).append(f"{series.name} {chart.text(y)}")
    steps = sorted(told)
    steps = steps[:: -max(1, -(-len(steps) // MOST_BANDS))][::-1]
    places = [frame.at_x(step) for step in steps]
    edges = [frame.left, *((a + b) / 2 for a, b in pairwise(places)), frame.wall]
    texts = ["\n".join([f"step {step:,.0f}", *told[step]]) for step in steps]
    return tag("g", *(band(edges[i], edges[i + 1], frame, text) for i, text in enumerate(texts)), class_="bands")


def describe(chart: Lines) -> str:
    told = [
        f"{series.name} from {chart.text(series.points[0][1])} at step {series.points[0][0]:,.0f} "
        f"to {chart.text(series.points[-1][1])} at step {series.points[-1][0]:,.0f}"
        for series in chart.series
    ]
    return f"{chart.title}, {chart.unit}: {'; '.join(told)}"
