"""Estimates against their definitions and against simulation."""

import math
import random
from itertools import combinations
from statistics import NormalDist, fmean

import numpy as np
import pytest

from rlvr.evaluation.estimates import difference, pass_at, relative, resampled, share, wilson


@pytest.mark.parametrize("samples", [1, 5, 8])
def test_pass_at_k_is_the_share_of_subsets_with_a_correct_sample(samples: int) -> None:
    for correct in range(samples + 1):
        for k in range(1, samples + 1):
            subsets = list(combinations([i < correct for i in range(samples)], k))
            assert pass_at(samples, correct, k) == pytest.approx(fmean(map(any, subsets)), abs=1e-12)


@pytest.mark.parametrize(("samples", "correct", "k"), [(4, 1, 5), (4, 5, 2), (4, 1, 0), (4, -1, 1)])
def test_pass_at_k_without_sense_is_refused(samples: int, correct: int, k: int) -> None:
    with pytest.raises(ValueError, match="expected 1 <= k <= samples"):
        pass_at(samples, correct, k)


@pytest.mark.parametrize(("right", "count"), [(0, 10), (3, 10), (10, 10), (250, 1319)])
def test_shares_of_whole_tasks_have_wilsons_interval(right: int, count: int) -> None:
    z = NormalDist().inv_cdf(0.975)
    found = share([1.0] * right + [0.0] * (count - right))
    p, n = right / count, count
    # The two ends are where a test of that share would just not be rejected.
    assert found.value == pytest.approx(p)
    for end in found[1:]:
        assert end is not None
        assert abs(end - p) == pytest.approx(z * math.sqrt(end * (1 - end) / n), abs=1e-9)


def test_wilsons_interval_as_published() -> None:
    """15 of 148 (Newcombe 1998, table I) and 0 of 20."""
    assert wilson(15 / 148, 148) == pytest.approx((0.0624, 0.1605), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert wilson(1, 20) == pytest.approx((0.8389, 1.0), abs=1e-4)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Tasks of different difficulty, several samples each."""
    rng = random.Random(0)
    difficulty = [rng.betavariate(0.6, 0.6) for _ in range(20_000)]
    truth = fmean(difficulty)
    inside = 0
    for _ in range(1000):
        tasks = rng.sample(difficulty, 60)
        found = share([fmean(rng.random() < p for _ in range(4)) for p in tasks])
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= truth <= found.high
    assert 0.92 <= inside / 1000 <= 0.98


def test_a_difference_is_paired() -> None:
    rng = random.Random(1)
    before = {str(i): float(rng.random() < 0.5) for i in range(300)}
    after = {name: 1.0 if int(name) % 20 == 0 else value for name, value in before.items()}
    found = difference(before, after)
    assert found.low is not None
    assert found.high is not None
    assert found.value == pytest.approx(fmean(after.values()) - fmean(before.values()))
    # Two independent means of 300 would be known to 0.08 only.
    assert found.high - found.low < 0.04
    assert difference(before, after) == found


def test_the_same_values_differ_by_exactly_nothing() -> None:
    values = {str(i): i / 7 for i in range(50)}
    assert difference(values, dict(values)) == (0.0, 0.0, 0.0)
    numbers = np.random.default_rng(0).random(50)
    assert relative(numbers, numbers.copy()) == (0.0, 0.0, 0.0)


def test_only_common_tasks_are_compared() -> None:
    assert difference({"a": 0.0, "b": 1.0, "x": 1.0}, {"a": 1.0, "b": 1.0, "y": 0.0}).value == 0.5
    with pytest.raises(ValueError, match="none in common"):
        difference({"a": 0.0}, {"b": 0.0})


def test_one_unit_has_no_interval() -> None:
    assert resampled(np.array([3.0]), np.array([2.0])) == (1.5, None, None)
    assert relative(np.array([2.0]), np.array([3.0])) == (0.5, None, None)


def test_the_bootstrap_is_as_wide_as_theory_says() -> None:
    values = np.random.default_rng(0).normal(5.0, 2.0, 400)
    found = resampled(values, np.ones(400))
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)
