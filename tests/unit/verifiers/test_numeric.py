from fractions import Fraction

import pytest
from pydantic import ValidationError

from verifiers.numeric import NumericVerifier, number

verifier = NumericVerifier()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3.50", Fraction(7, 2)),
        ("-2", Fraction(-2)),
        ("−2", Fraction(-2)),
        ("1,234.5", Fraction(2469, 2)),
        (".5", Fraction(1, 2)),
        ("1.5e3 m", Fraction(1500)),
        (r"1.5 \times 10^{-3}", Fraction(3, 2000)),
        ("2*10**2", Fraction(200)),
        ("1/3", Fraction(1, 3)),
        ("25%", Fraction(1, 4)),
        ("$12", Fraction(12)),
        ("5 kg", Fraction(5)),
        ("", None),
        ("x", None),
        ("1 2", None),
        ("3 or 4", None),
        ("1/0", None),
        ("1e99999999", None),
        ("nan", None),
    ],
)
def test_numbers(text, value):
    assert number(text) == value


def test_within_the_tolerance():
    assert verifier.verify("The answer is 3.1415927.", 3.14159265).status == "correct"
    assert verifier.verify(r"\boxed{3.15}", "3.14159265").status == "incorrect"
    assert verifier.verify(r"\boxed{3.15}", 3.14159265, {"rel_tol": 0.01}).status == "correct"
    assert verifier.verify("10.4", {"answer": 10}, {"abs_tol": 0.5}).status == "correct"
    assert verifier.verify("10.6", {"answer": 10}, {"abs_tol": 0.5}).status == "incorrect"
    assert verifier.verify("0.0000001", 0).status == "incorrect"


def test_no_answer():
    assert verifier.verify("", 1).status == "no_answer"
    assert verifier.verify("no idea at all about this one, sorry", 1).status == "no_answer"
    assert verifier.verify(r"\boxed{x^2}", 1).status in ("no_answer", "incorrect")
    assert verifier.verify("<think>1", 1).status == "no_answer"


@pytest.mark.parametrize("reference", [None, "x", "", True, float("nan"), {"value": 1}, {"answer": 1, "tol": 2}, [1]])
def test_a_wrong_shape_is_refused(reference):
    with pytest.raises(ValidationError):
        verifier.verify("1", reference)
