"""The fence around reasoning-gym's scorers, with scorers of our own; the real ones are tried in `tests/integration`."""

import pytest
from pydantic import ValidationError

from verifiers.base import VerifierError
from verifiers.gym import ReasoningGymReference, answer_in, by_text, scored, trusted


def entry(answer="42", **metadata):
    return ReasoningGymReference(answer=answer, dataset="any", metadata=metadata)


def exact(answer, entry):
    return float(answer == entry["answer"])


def substring(answer, entry):
    """What the base class of reasoning-gym does."""
    return 1.0 if answer == entry["answer"] else len(entry["answer"]) / len(answer) if entry["answer"] in answer else 0


def raises(answer, entry):
    raise KeyError("metadata")


@pytest.mark.parametrize(
    ("scorer", "expected"),
    [
        (exact, True),
        (substring, True),
        (raises, False),
        (lambda answer, entry: 1.0, False),
        (lambda answer, entry: 0.0, False),
        (lambda answer, entry: None, False),
    ],
)
def test_a_scorer_is_trusted_that_pays_the_answer_and_no_junk(scorer, expected):
    assert trusted(scorer, entry()) is expected


def test_scores_are_bounded_and_exceptions_are_none():
    assert scored(lambda answer, entry: 7, "x", entry()) == 1.0
    assert scored(lambda answer, entry: -1, "x", entry()) is None
    assert scored(lambda answer, entry: float("nan"), "x", entry()) is None
    assert scored(raises, "x", entry()) is None


def test_text_is_compared_without_a_scorer():
    assert by_text("4  2", entry("4 2")).status == "correct"
    assert by_text("42 ", entry()).status == "correct"
    assert by_text("the answer is 42", entry()).status == "incorrect"
    with pytest.raises(VerifierError, match="cannot be trusted"):
        by_text("42", entry(None))


def test_the_answer_is_the_last_tag_or_everything():
    assert answer_in("<answer>1</answer> no <answer> 2 </answer>") == "2"
    assert answer_in(" 3 ") == "3"


def test_the_data_set_is_named_by_the_entry():
    reference = {"question": "?", "answer": "1", "metadata": {"source_dataset": "basic_arithmetic", "source_index": 0}}
    assert ReasoningGymReference.model_validate(reference).dataset == "basic_arithmetic"
    with pytest.raises(ValidationError, match="dataset"):
        ReasoningGymReference.model_validate({"answer": "1"})
