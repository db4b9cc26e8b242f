import pytest
from pydantic import ValidationError

from verifiers.regex import RegexVerifier

verifier = RegexVerifier()


def status(response, reference, **params):
    return verifier.verify(response, reference, params).status


def test_whole_or_anywhere():
    assert status("abc\n", "[a-c]+") == "correct"
    assert status("say abc", "[a-c]{3}") == "incorrect"
    assert status("say abc", "[a-c]{3}", where="anywhere") == "correct"
    assert status("<think>abc</think>x", "[a-c]{3}", where="anywhere") == "incorrect"
    assert status("", "x") == "no_answer"


def test_flags():
    assert status("ABC", "abc") == "incorrect"
    assert status("ABC", "abc", ignore_case=True) == "correct"
    assert status("a\nb", "a.b", dot_all=True) == "correct"
    assert status("x\nb", "^b$", multiline=True, where="anywhere") == "correct"


def test_the_last_match_is_the_answer():
    reference = {"pattern": r"code: (\d+)", "answer": "42"}
    verdict = verifier.verify("code: 1 and then code: 42", reference)
    assert (verdict.status, verdict.extracted) == ("correct", "42")
    assert status("code: 42, no, code: 1", reference) == "incorrect"
    assert status("none", reference) == "incorrect"


@pytest.mark.parametrize("reference", [None, "(", 3, {"pattern": "["}, {"answer": "x"}, {"pattern": "x", "flags": "i"}])
def test_a_wrong_shape_is_refused(reference):
    with pytest.raises(ValidationError):
        verifier.verify("x", reference)
