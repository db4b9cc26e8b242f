import asyncio

import pytest
from pydantic import ValidationError

from verifiers import verify
from verifiers.compose import AllVerifier

FORMAT = {"verifier": "format", "params": {"tags": ["think", "answer"]}}
FOUR = {"verifier": "math", "reference": "4"}
GOOD, WRONG, SHAPELESS = "<think>2+2</think><answer>4</answer>", "<think>2+2</think><answer>5</answer>", "4"


def outcome(name, response, reference):
    verdict = verify(name, response, reference)
    return verdict.status, verdict.score, verdict.reason


def test_all_must_hold():
    parts = [FORMAT, FOUR]
    assert outcome("all", GOOD, parts)[:2] == ("correct", 1.0)
    assert outcome("all", WRONG, {"parts": parts})[:2] == ("incorrect", 0.0)
    assert outcome("all", SHAPELESS, parts) == ("incorrect", 0.0, "format: missing <think>")
    assert outcome("all", "", parts)[:2] == ("no_answer", 0.0)


def test_weighted_is_the_mean():
    parts = [FORMAT | {"weight": 1}, FOUR | {"weight": 3}]
    assert outcome("weighted", GOOD, parts)[:2] == ("correct", 1.0)
    assert outcome("weighted", WRONG, parts)[:2] == ("partial", 0.25)
    assert outcome("weighted", SHAPELESS, parts)[:2] == ("partial", 0.75)
    assert outcome("weighted", "x y z", parts)[:2] == ("incorrect", 0.0)


def test_a_gate_keeps_the_last_part_from_being_asked():
    verdict = verify("gate", SHAPELESS, [FORMAT, FOUR])
    assert (verdict.status, verdict.score, verdict.reason) == ("incorrect", 0.0, "format: missing <think>")
    assert [part["verifier"] for part in verdict.details["parts"]] == ["format"]
    assert verify("gate", GOOD, [FORMAT, FOUR]).status == "correct"
    assert verify("gate", WRONG, [FORMAT, FOUR]).status == "incorrect"


def test_half_right_parts():
    half = {"verifier": "weighted", "reference": [FORMAT, FOUR]}
    assert outcome("all", WRONG, [half])[:2] == ("incorrect", 0.0)
    assert outcome("gate", WRONG, [half])[:2] == ("partial", 0.5)
    assert outcome("gate", WRONG, [half, FORMAT])[:2] == ("incorrect", 0.0)


def test_an_error_of_a_part_is_an_error_unless_the_rest_decides():
    broken = {"verifier": "code", "reference": {"test_list": ["assert f() == 1"], "test_setup_code": "1 / 0"}}
    response = "<think>x</think><answer>4</answer>\n```python\ndef f(): return 1\n```"
    loose = {"verifier": "format", "params": {"allow_outside": True}}
    assert outcome("all", response, [loose, broken])[:2] == ("error", None)
    assert outcome("weighted", response, [loose, broken])[:2] == ("error", None)
    assert outcome("gate", response, [broken, loose])[:2] == ("error", None)
    assert outcome("all", response, [FORMAT, broken])[:2] == ("incorrect", 0.0)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ([], "at least 1 item"),
        ([{"verifier": "exakt", "reference": "x"}], "did you mean 'exact'"),
        ([{"verifier": "exact", "reference": 3}], "exact: reference"),
        ([{"verifier": "exact", "reference": "x", "params": {"loud": True}}], "exact: params"),
        ([FORMAT | {"weight": 0}], "must not all be 0"),
        ([FORMAT | {"weight": -1}], "greater than or equal to 0"),
        ("exact", "valid dictionary"),
    ],
)
def test_parts_are_checked_early(reference, message):
    with pytest.raises(ValidationError, match=message):
        asyncio.run(AllVerifier().verify("x", reference))
