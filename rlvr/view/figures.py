"""Numbers as a reader wants them, and the round steps of an axis."""

import math
import time
from collections.abc import Iterable, Sequence

Point = tuple[float, float]

SMALLEST, CLOSEST = 1e-290, 1e-9
"""What is smaller is drawn as 0, and ends that are closer to each other, as a share of their size, as one."""


def percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def points(share: float) -> str:
    """A difference of two shares, in percentage points."""
    return f"{100 * share:+.1f}".replace("-", "\N{MINUS SIGN}")


def number(value: float) -> str:
    """Four significant digits, in full where that is short."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) < 1e-3:
        return f"{value:.2e}"
    return f"{value:.4g}"


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def ago(moment: float) -> str:
    """How long a moment, in seconds since the epoch, is past."""
    passed = max(0.0, time.time() - moment)
    for seconds, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if passed >= seconds:
            return f"{passed // seconds:.0f} {unit} ago"
    return "just now"


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round numbers (1, 2 or 5 times a power of ten apart) that enclose low..high."""
    size = max(abs(low), abs(high))
    if size < SMALLEST:
        low, high = 0.0, 1.0
    elif high - low < CLOSEST * size:
        high = low + size
    raw = (high - low) / max(1, count - 1)
    unit = 10.0 ** math.floor(math.log10(raw))
    step = unit * next(factor for factor in (1, 2, 5, 10) if factor * unit >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [index * step for index in range(first, last + 1)]


def tick_labels(values: Sequence[float], share: bool) -> list[str]:
    """With as many digits as tell neighbours apart."""
    step = (values[1] - values[0]) * (100 if share else 1) if len(values) > 1 else 1.0
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    if share:
        return [f"{100 * value:.{digits}f}%" for value in values]
    if max(map(abs, values), default=0.0) < 1e-3:
        return [f"{value:.1e}" if value else "0" for value in values]
    return [f"{value:,.{digits}f}" for value in values]


def smooth(series: Sequence[Point], window: int) -> list[Point]:
    """Mean over `window` points around each; towards the ends over fewer, so that both ends stay where they are."""
    ys = [y for _, y in series]
    halves = [min(window // 2, i, len(ys) - 1 - i) for i in range(len(ys))]
    return [
        (x, _mean(ys[i - half : i + half + 1])) for i, ((x, _), half) in enumerate(zip(series, halves, strict=True))
    ]


def thin(series: Sequence[Point], most: int) -> list[Point]:
    """At most `most` points: the series itself, or means of equal runs of it."""
    if len(series) <= most:
        return list(series)
    size = math.ceil(len(series) / most)
    runs = [series[start : start + size] for start in range(0, len(series), size)]
    return [(_mean(x for x, _ in run), _mean(y for _, y in run)) for run in runs]


def _mean(values: Iterable[float]) -> float:
    values = list(values)
    return math.fsum(values) / len(values)
