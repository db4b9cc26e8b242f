import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifiers.code.compare import same_text, same_value
from verifiers.code.reference import InputOutputTests


def rules(**more):
    return InputOutputTests(inputs=["1"], outputs=["1"], **more)


@pytest.mark.parametrize(
    ("comparator", "expected", "good", "bad"),
    [
        ("exact", "a b\n", ["a b", "a b\n"], ["a  b", "a b ", "a b\n\n", "A b"]),
        ("lines", "a\nb", ["a \nb\n\n", "\n a\nb"], ["a b", "a\n\nb", "b\na"]),
        ("tokens", "1 2\n3", ["1\n2 3", " 1 2 3 "], ["1 2 3.0", "1 2", "3 2 1"]),
        (
            "decimal",
            "1 2.50\n3",
            ["1 2.5\n3.0\n", "1.00  2.5 \n 3"],
            ["1 2.5 3", "1 2.5000001\n3", "1 2.5\nx", "nan 2.5\n3"],
        ),
        ("float", "1.5 x", ["1.5000001 x", "1.5\nx"], ["1.51 x", "1.5 y", "nan x", "inf x"]),
        ("unordered_lines", "a\nb\nb", ["b\na\nb", "b\nb\na\n"], ["a\nb", "a\na\nb"]),
        (
            "json",
            '{"a": [1, true]}',
            ['{"a":[1.0,true]}'],
            ['{"a": [1, 1]}', '{"a": [true, true]}', "{", "[" * 100_000],
        ),
    ],
)
def test_texts(comparator, expected, good, bad):
    tests = rules(comparator=comparator)
    assert all(same_text(expected, text, tests) for text in good)
    assert not any(same_text(expected, text, tests) for text in bad)


def test_decimal_is_the_default_and_has_no_tolerance():
    assert same_text("3", "3.0", rules())
    assert not same_text("0.3", "0.30000000000000004", rules())


def test_the_tolerance_is_the_tasks():
    assert same_text("100", "101", rules(comparator="float", rel_tol=0.02))
    assert not same_text("100", "103", rules(comparator="float", rel_tol=0.02))
    assert not same_text("1", "1e308", rules(comparator="float", rel_tol=0.5))


@given(st.text(max_size=30), st.text(max_size=30))
def test_every_comparator_takes_any_text(one, two):
    for comparator in ("exact", "lines", "tokens", "decimal", "float", "unordered_lines"):
        assert same_text(one, one, rules(comparator=comparator))
        assert isinstance(same_text(one, two, rules(comparator=comparator)), bool)


def test_values_of_calls():
    tests = rules()
    assert same_value([1, [2, 3]], (1, (2, 3)), tests)
    assert same_value({"1": "a"}, {1: "a"}, tests)
    assert same_value(1, 1.0, tests)
    assert not same_value([1], {1}, tests)
    assert not same_value("1", 1, tests)
    close = rules(comparator="float")
    assert same_value([0.3, {"a": 1}], [0.1 + 0.2, {"a": 1.0}], close)
    assert not same_value([0.3], [float("nan")], close)
    assert not same_value(True, 1.0, close)
    assert not same_value([1, 2], [1], close)
    assert same_value("1 2", "1  2", rules(comparator="tokens"))
