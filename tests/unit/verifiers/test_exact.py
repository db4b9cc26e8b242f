import pytest
from pydantic import ValidationError

from verifiers.exact import ExactVerifier

exact = ExactVerifier()


@pytest.mark.parametrize(
    "reference", ["Paris", ["Lyon", "Paris"], {"answer": "Paris"}, {"answers": ["Lyon", "Paris"]}, " Paris\n"]
)
def test_every_shape_of_reference(reference):
    assert exact.verify("Paris", reference).status == "correct"
    assert exact.verify("Rome", reference).status == "incorrect"


@pytest.mark.parametrize("reference", [None, 3, [], {"anser": "x"}, {"answer": 3}, {"answers": "x", "more": 1}])
def test_a_wrong_shape_is_refused(reference):
    with pytest.raises(ValidationError):
        exact.verify("x", reference)


def test_only_the_text_after_the_reasoning_counts():
    assert exact.verify("<think>Rome?</think>\nParis\n", "Paris").extracted == "Paris"
    assert exact.verify("<think>Paris</think>Rome", "Paris").status == "incorrect"


def test_case_and_space_count_unless_told_otherwise():
    assert exact.verify("new  york", "New York").status == "incorrect"
    loose = {"ignore_case": True, "collapse_space": True}
    assert exact.verify("new  york", "New York", loose).status == "correct"


def test_unicode_forms_are_the_same_text():
    assert exact.verify("cafe\u0301", "caf\u00e9").status == "correct"


def test_nothing_said_is_no_answer_unless_nothing_is_the_answer():
    assert exact.verify("  ", "x").status == "no_answer"
    assert exact.verify("", "").status == "correct"
