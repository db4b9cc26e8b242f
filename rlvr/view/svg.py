"""Pieces of inline SVG: elements, the frame of a plot, its axis of values, marks and swatches.

Everything is built with `tag`, which escapes what it is given, so that no name can leave its place. Colours and dark
mode come from the page's style sheet, by class.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from rlvr.view.figures import tick_labels

SHAPES = {
    "c0": "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    "c1": "m-3.6-3.6h7.2v7.2h-7.2z",
    "c2": "m0-4.8l4.6 8h-9.2z",
    "c3": "m0-5l5 5l-5 5l-5-5z",
}
"""A shape for each of the first colours, so that colour is never the only difference."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the plot lies in its picture, and what the picture's coordinates mean."""

    width: float
    height: float
    x: tuple[float, float]
    y: tuple[float, float]
    left: float = 54
    bottom: float = 44
    top: float = 30
    right: float = 14

    def at_x(self, value: float) -> float:
        low, high = self.x
        return self.left + (value - low) / (high - low) * (self.width - self.left - self.right)

    def at_y(self, value: float) -> float:
        low, high = self.y
        return self.floor - (value - low) / (high - low) * (self.floor - self.top)

    @property
    def floor(self) -> float:
        return self.height - self.bottom

    @property
    def wall(self) -> float:
        return self.width - self.right


def tag(name: str, *inner: str | Markup, **attributes: str | float) -> Markup:
    """An element; everything but Markup is escaped. `class_` is `class`, other underscores are hyphens."""
    pairs = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_short(value))}"' for key, value in attributes.items()
    )
    return Markup(f"<{name}{pairs}>{''.join(map(escape, inner))}</{name}>")


def picture(label: str, frame: Frame, large: bool, *inner: Markup) -> Markup:
    """The whole chart; `label` is what a screen reader says of it."""
    return tag(
        "svg",
        *inner,
        class_="chart large" if large else "chart",
        viewBox=f"0 0 {frame.width:g} {frame.height:g}",
        role="img",
        aria_label=label,
    )


def y_axis(frame: Frame, values: Sequence[float], share: bool, unit: str = "") -> Markup:
    """Rules with their values, and the unit above them."""
    parts = [tag("text", unit, class_="unit", x=0, y=frame.top - 16)] if unit else []
    for value, label in zip(values, tick_labels(values, share), strict=True):
        y, look = frame.at_y(value), "base" if value == values[0] else "grid"
        parts.append(tag("line", class_=look, x1=frame.left, x2=frame.wall, y1=y, y2=y))
        parts.append(tag("text", label, class_="tick end", x=frame.left - 7, y=y + 4))
    return tag("g", *parts)


def x_axis(frame: Frame, values: Sequence[float], unit: str) -> Markup:
    """Round values below the plot, and the unit at the end of them."""
    parts = [
        tag("text", label, class_="tick mid", x=frame.at_x(value), y=frame.floor + 18)
        for value, label in zip(values, tick_labels(values, False), strict=True)
    ]
    parts.append(tag("text", unit, class_="unit mid", x=(frame.left + frame.wall) / 2, y=frame.height - 5))
    return tag("g", *parts)


def band(left: float, right: float, frame: Frame, told: str) -> Markup:
    """An unseen upright band over the plot that tells its numbers when pointed at."""
    height = frame.floor - frame.top
    return tag("rect", tag("title", told), x=left, y=frame.top, width=right - left, height=height)


def mark(look: str, x: float, y: float) -> Markup:
    return tag("path", class_="mark", d=f"M{x:.1f} {y:.1f}{SHAPES.get(look, SHAPES['c0'])}")


def swatch(look: str) -> Markup:
    """The mark of a series, for a legend."""
    return tag("svg", tag("g", mark(look, 8, 7), class_=look), class_="swatch", viewBox="0 0 16 14", aria_hidden="true")


def _short(value: str | float) -> str:
    return value if isinstance(value, str) else f"{round(value, 1):g}"
