import ast

import pytest

from verifiers.code.evaluate import Unsupported, evaluate
from verifiers.code.reference import AssertTests, CheckTests
from verifiers.code.turn import holds, turn


def nothing(node):
    raise LookupError


def value(text):
    return evaluate(ast.parse(text, mode="eval").body, nothing)


@pytest.mark.parametrize(
    "text",
    [
        "[1, (2.5, 'a'), {3: None}, {4}]",
        "-3 + 2 * 4 // 3 % 5 - 2 ** 3",
        "1 < 2 <= 2 != 3",
        "1 in [1] and 2 not in (1,)",
        "not 0 or 5",
        "True is True",
        "len({'a': 1}) == 1",
        "sorted({3, 1}, reverse=True)",
        "abs(-3 - 0.5)",
        "'a' * 3 + 'b'",
        "[1, 2, 3][1:]",
        "(1, 2)[-1]",
        "1 if 2 > 1 else 3",
        "isinstance([], (list, tuple))",
        "max([1, 3], key=abs)",
        "float('inf')",
        "set([1, 2]) == {2, 1}",
        "~5",
        "1j * 1j",
        "round(2.567, 2)",
    ],
)
def test_evaluate_agrees_with_python(text):
    assert value(text) == eval(text)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "open('x')",
        "().__class__",
        "[x for x in ()]",
        "f(1)",
        "(lambda: 1)()",
        "f'{1}'",
        "'%s' % 1",
        "len(*[[]])",
        "10 ** 10 ** 10",
        "'a' * 10 ** 9",
        "[0] * 10 ** 9",
        "{**{}}",
        "eval('1')",
        "getattr(1, 'real')",
    ],
)
def test_evaluate_refuses_the_rest(text):
    with pytest.raises(Unsupported):
        value(text)


def listed(*tests, **more):
    return AssertTests(test_list=list(tests), **more)


def verdict(test, *values):
    (turned,) = turn(listed(test)) or []
    return holds(turned, lambda position: values[position])


@pytest.mark.parametrize(
    ("test", "good", "bad"),
    [
        ("assert f(1, [2]) == (1, 2)", (1, 2), [1, 2]),
        ("assert f(1)", 1, 0),
        ("assert not f(1)", [], [0]),
        ("assert f(1) is True", True, 1),
        ("assert f(1) == True", 1, 2),
        ("assert f(1) is None, 'message'", None, 0),
        ("assert set(f(1)) == set([1, 2])", [2, 1], [1]),
        ("assert abs(f(1) - 0.3) < 1e-6", 0.1 + 0.2, 0.31),
        ("assert math.isclose(f(1), 4.0, rel_tol=0.001)", 4.001, 4.1),
        ("assert f(1) != 3", 4, 3),
        ("assert f(1) in (1, 2)", 2, 3),
        ("assert 'a' in f(1)", "abc", 3),
        ("assert sorted(f(1)) == [1, 2]", (2, 1), [1, "a"]),
        ("assert f(1)[0] == 1", [1], []),
        ("assert len(f(1)) == 2 and f(1)", [1, 2], 5),
    ],
)
def test_assertions_hold_or_not(test, good, bad):
    assert verdict(test, *[good] * 2) is True
    assert verdict(test, *[bad] * 2) is False


def test_only_the_call_is_sent():
    (turned,) = turn(listed("assert f(1, b=[2]) == 'the answer'")) or []
    assert turned.calls == ([{"name": "f"}, None, [1], {"b": [2]}],)


def test_a_program_may_bear_the_name_of_a_builtin():
    turned = turn(listed("assert sum(10, 15) == 6", "assert sum(1, 2) == 1")) or []
    assert [test.calls[0][0] for test in turned] == [{"name": "sum"}] * 2


@pytest.mark.parametrize(
    "tests",
    [
        listed("x = f(1)\nassert x == 1"),
        listed("assert f(lambda: 1) == 1"),
        listed("assert f(f(1)) == 1"),
        listed("assert f(1).value == 1"),
        listed("assert [f(x) for x in (1, 2)] == [1, 2]"),
        listed("assert f(1) == y", test_setup_code="y = 1"),
        CheckTests(
            test="def check(candidate):\n    for x in range(3):\n        assert candidate(x) == x", entry_point="f"
        ),
        CheckTests(
            test="def check(candidate):\n    assert helper(candidate(1))", entry_point="f", prompt="def helper(x): ..."
        ),
        CheckTests(test="import os\ndef check(candidate):\n    assert candidate(1)", entry_point="f"),
    ],
)
def test_what_must_be_replayed(tests):
    assert turn(tests) is None


def test_check_functions():
    tests = CheckTests(
        test="METADATA = {'a': 1}\ndef check(g):\n    '''doc'''\n    assert g(1) == 2\n    assert f(2) == 3",
        entry_point="f",
    )
    turned = turn(tests) or []
    assert [test.calls[0][:3] for test in turned] == [[{"name": "f"}, None, [1]], [{"name": "f"}, None, [2]]]
