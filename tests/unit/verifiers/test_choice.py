import pytest
from pydantic import ValidationError

from verifiers.choice import ChoiceReference, ChoiceVerifier

verifier = ChoiceVerifier()
CHOICES = {"A": "Rome", "B": "Paris", "C": "Oslo", "D": "Bern"}
TASK = {"answer": "B", "choices": CHOICES}


@pytest.mark.parametrize(
    "response",
    [
        "B",
        "(B)",
        "b",
        "**B**",
        "B. Paris",
        "(B) Paris",
        "Paris",
        "paris.",
        "The answer is B.",
        "The answer is (B) Paris.",
        "Answer: B",
        "answer: b",
        r"\boxed{B}",
        r"\boxed{\text{B}}",
        r"So $\boxed{(B)}$",
        "<answer>B</answer>",
        "#### B",
        "A is wrong, since Rome is in Italy.\n\nThe correct answer is B",
        "Option B",
        "The correct option is **B**",
        "<think>A? C?</think>B",
        "First A, then no.\nB) Paris",
        r"\boxed{Paris}",
    ],
)
def test_settles_on_the_right_option(response):
    verdict = verifier.verify(response, TASK)
    assert (verdict.status, verdict.extracted) == ("correct", "B"), verdict


@pytest.mark.parametrize("response", ["C", "The answer is A.", r"\boxed{B} no, \boxed{C}", "<think>B</think>A", "Oslo"])
def test_settles_on_a_wrong_option(response):
    assert verifier.verify(response, TASK).status == "incorrect"


@pytest.mark.parametrize(
    "response",
    [
        "",
        "I do not know.",
        "A B C D",
        "A, B, C, D",
        "The answer is A or B.",
        "(A) (B) (C) (D)",
        r"\boxed{A, B, C, D}",
        "E",
        "Paris, Rome, Oslo, Bern",
        "<answer>A or B</answer>",
        "<think>The answer is B",
        "BBBB",
        "A man, a plan",
        r"\boxed{}",
    ],
)
def test_does_not_settle(response):
    verdict = verifier.verify(response, TASK)
    assert (verdict.status, verdict.score) == ("no_answer", 0.0), verdict


@pytest.mark.parametrize(
    "reference",
    [
        "B",
        "(b)",
        {"answer": "B"},
        {"answer": 1, "choices": ["Rome", "Paris"]},
        {"answer": "Paris", "choices": ["Rome", "Paris"]},
        TASK,
    ],
)
def test_every_shape_of_reference(reference):
    assert ChoiceReference.model_validate(reference).answer == "B"


@pytest.mark.parametrize(
    "reference", [None, "", "Paris", 1, {"answer": "E", "choices": CHOICES}, {"answer": "B", "choices": 3}]
)
def test_a_wrong_shape_is_refused(reference):
    with pytest.raises(ValidationError):
        verifier.verify("B", reference)
