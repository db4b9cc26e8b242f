"""Charts of bars: accuracy by stage and family, and the mix of verdicts over a run."""

from collections.abc import Iterator, Mapping, Sequence

from markupsafe import Markup

from rlvr.view.figures import percent, ticks
from rlvr.view.svg import Frame, band, picture, tag, x_axis, y_axis

Group = tuple[float, Mapping[str, float]]
"""A share over all families, and that of each."""


def grouped(groups: Mapping[str, Group], looks: Mapping[str, str], title: str) -> Markup:
    """Label -> shares. A line across each group marks its overall."""
    frame = Frame(560, 310, x=(0, len(groups)), y=(0, 1), bottom=34)
    axis = y_axis(frame, ticks(0, 1, count=6), share=True)
    drawn = [tag("g", *_group(frame, place, label, groups[label], looks)) for place, label in enumerate(groups)]
    spoken = "; ".join(f"{label} {percent(overall)}" for label, (overall, _) in groups.items())
    return picture(f"{title}: {spoken}", frame, True, axis, *drawn)


def _group(frame: Frame, place: int, label: str, group: Group, looks: Mapping[str, str]) -> Iterator[Markup]:
    overall, families = group
    left, right = frame.at_x(place + 0.12), frame.at_x(place + 0.88)
    width = (right - left) / max(1, len(families))
    for index, (name, value) in enumerate(families.items()):
        top = frame.at_y(value)
        yield tag(
            "rect",
            tag("title", f"{label}, {name}: {percent(value)}"),
            class_=f"bar {looks[name]}",
            x=left + index * width + 1.5,
            y=top,
            width=max(1.0, width - 3),
            height=max(0.6, frame.floor - top),
            rx=2,
        )
    level = frame.at_y(overall)
    told = tag("title", f"{label}, all families: {percent(overall)}")
    yield tag("line", told, class_="overall", x1=left - 3, x2=right + 3, y1=level, y2=level)
    middle, above = (left + right) / 2, min([level, *map(frame.at_y, families.values())])
    yield tag("text", percent(overall), class_="value", x=middle, y=above - 8)
    yield tag("text", label, class_="name", x=middle, y=frame.floor + 22)


def stacked(columns: Sequence[tuple[int, int, Mapping[str, int]]], order: Sequence[str], title: str) -> Markup:
    """Columns of `(first step, last step, counts)`, each filled to 100% from the bottom in `order`."""
    start, end = columns[0][0], columns[-1][1] + 1
    frame = Frame(560, 230, x=(start, end), y=(0, 1), top=12)
    drawn = [part for column in columns for part in _column(frame, column, order)]
    bands = [band(frame.at_x(a), frame.at_x(b + 1), frame, _told(a, b, counts, order)) for a, b, counts in columns]
    axes = y_axis(frame, ticks(0, 1, count=3), share=True), x_axis(frame, _inside(start, end), "step")
    return picture(title, frame, True, *axes, tag("g", *drawn), tag("g", *bands, class_="bands"))


def _column(frame: Frame, column: tuple[int, int, Mapping[str, int]], order: Sequence[str]) -> Iterator[Markup]:
    first, last, counts = column
    left, right = frame.at_x(first), frame.at_x(last + 1)
    total, below = sum(counts.values()), 0
    for status in order:
        if counts.get(status):
            top, floor = frame.at_y((below + counts[status]) / total), frame.at_y(below / total)
            below += counts[status]
            yield tag("rect", class_=f"bar {status}", x=left, y=top, width=right - left, height=floor - top)


def _told(first: int, last: int, counts: Mapping[str, int], order: Sequence[str]) -> str:
    steps = f"step {first:,}" if first == last else f"steps {first:,} to {last:,}"
    total = sum(counts.values())
    said = [
        f"{status.replace('_', ' ')} {counts[status]:,} ({percent(counts[status] / total)})"
        for status in order
        if counts.get(status)
    ]
    return "\n".join([steps, *said])


def _inside(low: float, high: float) -> list[float]:
    return [value for value in ticks(low, high, count=8) if low <= value <= high and value.is_integer()]
