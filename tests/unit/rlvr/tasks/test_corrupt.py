"""Corrupted answers must be wrong for certain."""

from fractions import Fraction
from typing import Any

import pytest

from rlvr.tasks.base import Example
from rlvr.tasks.corrupt import changed_number, corruptions, hollowed, number
from verifiers import Task


def example(verifier: str, reference: Any, gold: str | None) -> Example:
    return Example(Task(id="1", prompt="", verifier=verifier, reference=reference), gold)


def boxed(answer: str) -> Example:
    return example("math", answer, f"\\boxed{{{answer}}}")


def program(code: str) -> Example:
    return example("code", {}, f"```python\n{code}\n```")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("18", 18),
        ("-3", -3),
        ("1,080", 1080),
        ("$2.50", Fraction(5, 2)),
        ("3/4", Fraction(3, 4)),
        (r"\frac{3}{4}", Fraction(3, 4)),
        (r"-\dfrac{1}{2}", Fraction(-1, 2)),
        (".5", Fraction(1, 2)),
        ("1,2", None),
        ("1/0", None),
        ("x", None),
        ("10\\%", None),
        ("", None),
    ],
)
def test_plain_numbers(text: str, value: Any) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    ("answer", "changed"),
    [
        ("18", "19"),
        ("1,080", "1081"),
        ("-0.5", "-1.5"),
        (r"\frac{3}{4}", r"\frac{4}{4}"),
        (r"\text{(2)} x^3", r"\text{(2)} x^4"),
        (r"\text{Evelyn}", None),
        ("p - q", None),
    ],
)
def test_changing_the_first_number(answer: str, changed: str | None) -> None:
    assert changed_number(answer) == changed


def test_numbers_are_changed_flipped_and_exchanged() -> None:
    rows = [boxed("4"), boxed("4.0"), boxed("x"), boxed("7")]
    assert dict(corruptions(rows, 0)) == {
        "empty": "",
        "number changed": r"\boxed{5}",
        "sign flipped": r"\boxed{-4}",
        "another row's": r"\boxed{7}",
    }


def test_only_the_final_answer_of_a_solution_changes() -> None:
    rows = [example("math", "18", "Half of 18 is 9, so 18.\n#### 18")]
    assert dict(corruptions(rows, 0))["number changed"] == "Half of 18 is 9, so 18.\n#### 19"


def test_a_gold_response_without_the_reference_in_it() -> None:
    assert dict(corruptions([example("math", "18", "eighteen")], 0))["number changed"] == r"\boxed{19}"


def test_zero_has_no_sign_and_minus_goes_away() -> None:
    assert "sign flipped" not in dict(corruptions([boxed("0")], 0))
    assert dict(corruptions([boxed("-3")], 0))["sign flipped"] == r"\boxed{3}"


@pytest.mark.parametrize("other", ["2^5", r"10\%", "0.1"])
def test_another_answer_is_lent_only_when_it_surely_differs(other: str) -> None:
    assert "another row's" not in dict(corruptions([boxed(r"10\%"), boxed(other)], 0))


def test_words_take_another_rows_number() -> None:
    rows = [boxed(r"\text{two}"), boxed("2"), boxed("50")]
    assert dict(corruptions(rows, 0))["another row's"] == r"\boxed{50}"


def test_programs_are_broken_in_every_way() -> None:
    rows = [program("def f(x):\n    return x"), program("def f(x):\n    return 2"), program("def g(x):\n    return 3")]
    found = dict(corruptions(rows, 0))
    assert found["empty"] == ""
    assert found["returns None"] == "```python\ndef f(x):\n    return None\n```"
    assert found["another row's"] == "```python\ndef g(x):\n    return 3\n```"
    assert "os._exit(0)" in found["exits at once"]
    with pytest.raises(SyntaxError):
        compile(found["syntax error"].split("```")[1].removeprefix("python\n"), "", "exec")


def test_every_function_is_hollowed_methods_too() -> None:
    assert (
        hollowed("class A:\n    def f(self):\n        return 1") == "class A:\n\n    def f(self):\n        return None"
    )
    assert hollowed("x = 1") is None
    assert hollowed("print 'two'") is None


def test_without_a_gold_response_nothing_is_made_up() -> None:
    assert not list(corruptions([example("instructions", {}, None), example("code", {}, None)], 0))
