"""Mixing rates: the formula to the last digits, and draws that follow it."""

import math
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlvr.data.rates import draws, weights
from rlvr.errors import UserError

SIZES = st.dictionaries(st.text(min_size=1, max_size=3), st.integers(1, 1_000_000), min_size=1, max_size=30)


@given(SIZES, st.integers(1, 100_000))
def test_weights_are_the_formula(sizes: dict[str, int], cap: int) -> None:
    found = weights(sizes, cap)
    total = sum(min(size, cap) for size in sizes.values())
    for name, size in sizes.items():
        assert abs(found[name] - Fraction(min(size, cap), total)) <= 1e-12
    assert math.fsum(found.values()) == pytest.approx(1, abs=1e-12)


@given(SIZES, st.integers(1, 100_000))
def test_no_data_set_weighs_more_than_one_at_the_cap(sizes: dict[str, int], cap: int) -> None:
    found = weights(sizes | {"at the cap": cap}, cap)
    assert max(found.values()) == found["at the cap"]


def test_without_a_cap_weights_follow_the_sizes() -> None:
    assert weights({"a": 1, "b": 3}, None) == {"a": 0.25, "b": 0.75}
    with pytest.raises(UserError, match="expected data sets with examples, got none"):
        weights({}, 3000)


def test_draws_are_within_four_standard_errors_of_their_weights() -> None:
    sizes = {"big": 30_000, "at": 3_000, "half": 1_500, "small": 200, "tiny": 11}
    count, expected = 100_000, weights(sizes, 3_000)
    names = [name for name, _ in draws(expected, sizes, count, Random(0))]
    for name, p in expected.items():
        assert abs(names.count(name) - count * p) < 4 * math.sqrt(count * p * (1 - p)), name


def test_every_example_comes_once_before_any_comes_again() -> None:
    drawn = list(draws({"a": 0.5, "b": 0.5}, {"a": 7, "b": 40}, 60, Random(1)))
    of_a = [number for name, number in drawn if name == "a"]
    assert sorted(of_a[:7]) == list(range(7))
    assert of_a[7:14] == of_a[:7]
    of_b = [number for name, number in drawn if name == "b"]
    assert len(of_b) == len(set(of_b))
