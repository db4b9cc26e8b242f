import pytest
from pydantic import ValidationError

from verifiers.format import FormatVerifier, after_thinking

verifier = FormatVerifier()
GOOD = "<think>one and one</think>\n<answer>2</answer>"


def test_well_formed():
    verdict = verifier.verify(GOOD, {})
    assert (verdict.status, verdict.extracted) == ("correct", "2")


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ("<think>x</think>2", "missing <answer>"),
        ("<think>x<answer>2</answer>", "missing </think>"),
        ("<answer>2</answer><think>x</think>", "tags repeated or out of order"),
        (GOOD + "<answer>3</answer>", "tags repeated or out of order"),
        ("<think><answer>2</answer></think>", "tags repeated or out of order"),
        ("Sure! " + GOOD, "text outside the tags"),
        (GOOD + "done", "text outside the tags"),
        ("<think></think><answer>2</answer>", "empty section"),
        ("<think>x</think><answer> </answer>", "empty section"),
    ],
)
def test_malformed(response, reason):
    verdict = verifier.verify(response, None)
    assert (verdict.status, verdict.reason) == ("incorrect", reason)


def test_parameters_loosen_and_rename():
    assert verifier.verify("Sure! " + GOOD, {}, {"allow_outside": True}).score == 1.0
    assert verifier.verify("x</think><answer>2</answer>", {}, {"implicit_open": True}).score == 1.0
    assert verifier.verify("<think></think><answer>2</answer>", {}, {"allow_empty": True}).score == 1.0
    assert verifier.verify("<a>x</a>", {}, {"tags": ["a"]}).extracted == "x"
    with pytest.raises(ValidationError):
        verifier.verify("x", {}, {"tags": ["a b"]})


def test_empty_is_no_answer():
    assert verifier.verify("", {}).status == "no_answer"


def test_after_thinking_takes_the_last_closing_tag():
    assert after_thinking("<think>a</think>b</think>c") == "c"
    assert after_thinking("no tags") == "no tags"
