"""Axes and figures."""

import pytest

from rlvr.view.figures import duration, number, smooth, thin, tick_labels, ticks


@pytest.mark.parametrize(
    ("low", "high", "count", "expected"),
    [
        (0, 1, 6, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (0, 60, 4, ["0", "20", "40", "60"]),
        (-3, 7, 5, ["-5", "0", "5", "10"]),
        (0, 0.00042, 5, ["0", "2.0e-04", "4.0e-04", "6.0e-04"]),
        (5, 5, 3, ["5", "10"]),
        (0, 0, 3, ["0.0", "0.5", "1.0"]),
        (-1, 1e-323 - 1, 3, ["-1.0", "-0.5", "0.0"]),
        (-(2**53), 1 - 2**53, 2, ["-10,000,000,000,000,000", "0"]),
        (0, 25000, 4, ["0", "10,000", "20,000", "30,000"]),
    ],
)
def test_ticks_are_round_and_enclose(low: float, high: float, count: int, expected: list[str]) -> None:
    values = ticks(low, high, count)
    assert tick_labels(values, share=False) == expected
    assert values[0] <= low
    assert values[-1] >= high


@pytest.mark.parametrize(("high", "last"), [(1.0, "100%"), (0.02, "2.0%"), (0.1, "10%")])
def test_tick_labels_of_shares(high: float, last: str) -> None:
    assert tick_labels(ticks(0, high, 6 if high == 1 else 5), share=True)[-1] == last


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (2, "2"), (0.41806, "0.4181"), (5872.4, "5,872"), (0.00032, "3.20e-04"), (-1.5, "-1.5"), (1e300, None)],
)
def test_number(value: float, text: str | None) -> None:
    assert number(value) == (text or number(value))


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.21, "3.2 s"), (59.97, "1 min 0 s"), (252.3, "4 min 12 s"), (7260, "2 h 1 min")]
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_smooth_keeps_ends_and_lines() -> None:
    line = [(float(x), 2.0 * x) for x in range(10)]
    assert smooth(line, 5) == line
    assert smooth([(x, y % 4) for x, y in line], 5)[2] == (2.0, pytest.approx(0.8))
    assert smooth([(1.0, 3.0)], 5) == [(1.0, 3.0)]


def test_thin_is_exact_while_it_can_be() -> None:
    series = [(float(x), float(x % 2)) for x in range(1000)]
    assert thin(series[:200], 200) == series[:200]
    thinned = thin(series, 200)
    assert len(thinned) == 200
    assert thinned[0] == (2.0, pytest.approx(0.4))
