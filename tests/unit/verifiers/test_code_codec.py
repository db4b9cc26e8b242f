import collections
import datetime
import enum
import itertools
import json
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifiers.code.guest.codec import Encoder, Malformed, Opaque, TooLarge, decode

HASHABLE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)
VALUES = st.recursive(
    HASHABLE | st.complex_numbers(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(HASHABLE, inner, max_size=3) | st.tuples(inner),
    max_leaves=10,
)


def cross(value):
    return decode(json.loads(json.dumps(Encoder().encode(value))))


def same(one, two):
    return repr(one) == repr(two) if not isinstance(one, (set, frozenset)) else type(one) is type(two) and one == two


@given(VALUES)
def test_values_keep_their_exact_types(value):
    back = cross(value)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    "value",
    [
        True,
        1,
        1.0,
        -0.0,
        float("inf"),
        10**40,
        -(10**40),
        "\ud800",
        b"\x00",
        bytearray(b"x"),
        (1, [2]),
        {1, 2},
        range(1, 9, 2),
        {1: "a", "1": "b", (2,): None},
        int,
        type(None),
        collections.deque([1]),
        Decimal("1.50"),
        Fraction(1, 3),
        datetime.date(2024, 2, 29),
        datetime.timedelta(1, 2, 3),
        datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC),
    ],
)
def test_each_kind_of_value(value):
    assert same(cross(value), value)


def test_subclasses_arrive_as_the_plain_value_they_hold():
    class Liar(int):
        def __eq__(self, other):
            return True

        def __hash__(self):
            return 0

        def __index__(self):
            return 5

        __int__ = __index__

        def __repr__(self):
            return "5"

    Point = collections.namedtuple("Point", "x y")
    Colour = enum.IntEnum("Colour", "RED")
    assert cross(Liar(3)) == 3
    assert type(cross(Liar(3))) is int
    assert cross(Point(1, 2)) == (1, 2)
    assert cross(collections.Counter("aab")) == {"a": 2, "b": 1}
    assert cross(collections.defaultdict(list, a=[1])) == {"a": [1]}
    assert cross(Colour.RED) == 1


def test_views_and_iterators():
    assert sorted(cross({"b": 1, "a": 2}.keys())) == ["a", "b"]
    assert list(cross({"a": 2}.values())) == [2]
    assert list(cross({"a": 2}.items())) == [("a", 2)]
    assert list(cross(x * x for x in range(3))) == [0, 1, 4]
    assert list(cross(map(str, [1]))) == ["1"]


def test_other_objects_equal_nothing():
    class Anything:
        def __eq__(self, other):
            return True

    value = cross([Anything()])[0]
    assert isinstance(value, Opaque)
    assert value != 1
    assert value != Opaque("Anything")


def test_too_large_values_are_not_sent():
    nested: list[object] = []
    for _ in range(500):
        nested = [nested]
    for value in (nested, 1 << 300_000, itertools.count(), range(10**9)):
        with pytest.raises(TooLarge):
            Encoder().encode(value)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"a": 1, "b": 2},
        {"no_such_tag": 1},
        {"int": "x"},
        {"int": "0x" + "f" * 70_000},
        {"set": [[1]]},
        {"dict": [1]},
        {"dict": [[[1], 2]]},
        {"range": ["a"]},
        {"range": [0, 10**9, 1]},
        {"type": "object"},
        {"bytes": "zz"},
        {"Decimal": ["x"]},
        {"Fraction": [1, 0]},
        {"Fraction": ["x", 1]},
        {"Fraction": [1, {"int": hex(1 << 20_000)}]},
        {"date": [1]},
        {"ref": 1},
        {"set": [n * ((1 << 61) - 1) for n in range(5000)]},
    ],
)
def test_what_the_encoder_never_writes_is_refused(data):
    with pytest.raises(Malformed):
        decode(data)


def test_what_arrives_can_be_compared_and_written():
    assert decode({"Decimal": ["sNaN"]}) != 5  # a signalling one would raise
    assert repr(decode({"object": "\ud800"})).encode() == b"<? object>"


@pytest.mark.parametrize("depth", [152, 300, 490, 900])
def test_what_no_encoder_writes_is_not_read(depth):
    """Whatever the depth of those who decode: it is no error of theirs."""
    data = []
    for _ in range(depth):
        data = [data]
    with pytest.raises(Malformed):
        decode(data)
    with pytest.raises(TooLarge):
        Encoder().encode(data)
