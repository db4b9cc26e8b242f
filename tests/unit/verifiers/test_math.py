"""The math verifier from outside: what it takes, what it returns, and the policies that its parameters set."""

import subprocess
import sys
import threading

import pytest
from pydantic import ValidationError

from verifiers import registry
from verifiers.base import Verifier
from verifiers.math import MathVerifier

MATH = MathVerifier()


def status(response: str, reference: object, **params: object) -> str:
    return MATH.verify(response, reference, params).status


def test_it_is_the_registered_math_verifier() -> None:
    assert isinstance(registry.load("math"), MathVerifier)
    assert isinstance(MATH, Verifier)
    assert MATH.isolation == "process"


@pytest.mark.parametrize(
    "reference", ["3/4", 0.75, {"answer": "3/4"}, {"answer": 0.75}, "so\n#### 3/4", "\\boxed{3/4}"]
)
def test_reference_shapes(reference: object) -> None:
    assert status("\\boxed{\\frac{6}{8}}", reference) == "correct"


def test_an_integer_is_a_reference() -> None:
    assert status("The answer is 1,234.", 1234) == "correct"
    assert status("7", {"answer": 7}) == "correct"


@pytest.mark.parametrize(
    "reference", [None, [], ["1", "2"], "", "  ", True, float("nan"), {}, {"answer": None}, {"gold": "1"}]
)
def test_wrong_reference_is_a_validation_error(reference: object) -> None:
    with pytest.raises(ValidationError):
        MATH.verify("1", reference)


def test_validated_reference_and_params_come_back_as_they_are() -> None:
    reference = MATH.Reference.model_validate("5")
    params = MATH.Params.model_validate({"percent": "ignore"})
    assert MATH.Reference.model_validate(reference) is reference
    assert MATH.verify("5%", reference, params).status == "correct"


def test_unknown_parameters_are_refused() -> None:
    with pytest.raises(ValidationError):
        MATH.verify("1", "1", {"precent": "ignore"})


def test_verdict_tells_what_was_read_and_which_tier_decided() -> None:
    verdict = MATH.verify("So we have \\boxed{\\dfrac{2}{4}}.", "1/2")
    assert (verdict.status, verdict.score, verdict.reason, verdict.extracted) == (
        "correct",
        1.0,
        "rational",
        "\\dfrac{2}{4}",
    )
    assert (verdict.verifier, verdict.version, verdict.details) == ("math", MATH.version, {"found": "box"})


@pytest.mark.parametrize(
    ("response", "reference", "reason"),
    [
        ("x+1", "x + 1", "structure"),
        ("x+1", "x+1", "string"),
        ("(x+1)^2", "x^2+2x+1", "fingerprint"),
        ("\\sin(2x)", "2\\sin x\\cos x", "precision"),
        ("\\sin(2x)", "\\sin x", "refuted"),
        ("\\{3, 1\\}", "\\{1, 3\\}", "structure"),
        ("(B)", "B", "choice"),
        ("blue", "\\text{Blue}", "words"),
    ],
)
def test_reason_names_the_tier(response: str, reference: str, reason: str) -> None:
    assert MATH.verify(response, reference).reason == reason


@pytest.mark.parametrize(
    ("response", "reference", "params", "expected"),
    [
        ("40", "40\\%", {}, "incorrect"),
        ("40", "40\\%", {"percent": "ignore"}, "correct"),
        ("0.4", "40\\%", {"percent": "ignore"}, "incorrect"),
        ("0.4", "40\\%", {"percent": "either"}, "correct"),
        ("40", "40\\%", {"percent": "either"}, "correct"),
        ("3 kg", "3 g", {}, "incorrect"),
        ("3 kg", "3 g", {"units": "ignore"}, "correct"),
        ("3", "3 kg", {}, "correct"),
        ("3", "3 kg", {"units": "require"}, "incorrect"),
        ("3000 g", "3 kg", {"units": "require"}, "correct"),
        ("2, 3", "3, 2", {}, "correct"),
        ("2, 3", "3, 2", {"order": "strict"}, "incorrect"),
        ("3.14", "\\pi", {}, "incorrect"),
        ("3.14", "\\pi", {"rel_tol": 0.001}, "correct"),
        ("3.1", "\\pi", {"rel_tol": 0.001}, "incorrect"),
        ("3.1", "\\pi", {"abs_tol": 0.1}, "correct"),
        ("(3.14, 1)", "(\\pi, 1)", {"rel_tol": 0.001}, "correct"),
    ],
)
def test_policies(response: str, reference: str, params: dict[str, object], expected: str) -> None:
    assert status(response, reference, **params) == expected


@pytest.mark.parametrize(
    ("preset", "response", "reference", "expected"),
    [
        ("gsm8k", "It costs 5 dollars, so 3 cost\n#### $15", "15", "correct"),
        ("gsm8k", "It costs 5 dollars, so 3 cost 15 dollars.", "15", "correct"),
        ("gsm8k", "That is 40% of them.", "40", "correct"),
        ("math", "We get 12. \\boxed{12\\text{ cm}}", "12", "correct"),
        ("math", "We get 12.", "12", "no_answer"),
        ("math", "\\boxed{40\\%}", "40", "correct"),
        ("minerva", "Final Answer: The final answer is $4$. I hope it is correct.", "4", "correct"),
        ("minerva", "\\boxed{4}", "4", "no_answer"),
    ],
)
def test_presets(preset: str, response: str, reference: str, expected: str) -> None:
    assert status(response, reference, preset=preset) == expected


def test_a_given_parameter_wins_over_the_preset() -> None:
    assert status("\\boxed{40\\%}", "40", preset="math", percent="value") == "incorrect"


def test_a_thread_gives_the_verdict_of_the_main_thread() -> None:
    pairs = [
        ("\\sqrt{8}", "2\\sqrt{2}"),
        ("\\ln 8", "3\\ln 2"),
        ("\\sum_{k=1}^n k", "n(n+1)/2"),
        ("e^{1000}", "e^{1000}+1"),
    ]
    here = [MATH.verify(*pair) for pair in pairs]
    there = []
    thread = threading.Thread(target=lambda: there.extend(MATH.verify(*pair) for pair in pairs))
    thread.start()
    thread.join()
    assert here == there


def test_the_import_is_light() -> None:
    code = "import sys, verifiers.math; print([m for m in ('sympy', 'mpmath') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
