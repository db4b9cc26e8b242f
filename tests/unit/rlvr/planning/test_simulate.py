"""The simulation against what can be worked out by hand, and against its own bounds."""

import random

import pytest

from rlvr.planning.simulate import STEPS, Rates, forecast


def steady(seconds: float = 1.0, learn: float = 2.0, slots: int = 4) -> Rates:
    return Rates(batch=8, slots=slots, response=lambda rng: seconds, learn=learn, sync=0.5)


def ragged() -> Rates:
    return Rates(batch=64, slots=32, response=lambda rng: rng.lognormvariate(0, 0.9), learn=3.0, sync=0.2)


def test_in_turns_a_step_is_the_sum_of_its_parts() -> None:
    found = forecast(steady(), max_lag=0)
    assert found.step_s == pytest.approx(2 * 1.0 + 2.0 + 0.5)
    assert found.idle == pytest.approx(1 - 2.0 / 4.5)
    assert (found.lag, found.dropped) == (0, 0)


@pytest.mark.parametrize(("seconds", "learn", "expected"), [(1.0, 4.0, 4.5), (3.0, 1.0, 6.0)])
def test_overlapped_the_slower_side_decides(seconds: float, learn: float, expected: float) -> None:
    found = forecast(steady(seconds, learn), max_lag=2)
    assert found.step_s == pytest.approx(expected, rel=0.1)


def test_one_version_ahead_takes_most_of_the_gain_and_the_bound_holds() -> None:
    found = {lag: forecast(ragged(), lag) for lag in (0, 1, 2, 4)}
    assert found[1].step_s < 0.8 * found[0].step_s
    assert found[0].step_s > found[1].step_s >= found[2].step_s - 0.1
    assert all(f.lag <= lag for lag, f in found.items())
    assert found[4].lag > found[1].lag


def test_the_seed_decides_everything() -> None:
    assert forecast(ragged(), 1, seed=3) == forecast(ragged(), 1, seed=3)
    assert forecast(ragged(), 1, seed=3) != forecast(ragged(), 1, seed=4)


def test_random_lengths_are_drawn_from_the_seed() -> None:
    drawn: list[float] = []
    rates = Rates(2, 1, lambda rng: drawn.append(rng.random()) or 1.0, 1.0, 0.0)
    forecast(rates, 0)
    assert drawn[:5] == [random.Random(0).random(), *drawn[1:5]]
    assert len(drawn) == 2 * STEPS
