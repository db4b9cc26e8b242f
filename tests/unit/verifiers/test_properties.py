"""What holds of every verifier, over generated responses: no error, bounded scores, and batches in order."""

import asyncio
import json
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from verifiers import Grader, Item, verify
from verifiers.examples import EXAMPLES

QUICK = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
WORDS = r"\boxed{ } <think> </think> <answer> </answer> #### answer is The A B (B) C 1/2 0.5 1,234 -7 $ ``` * - [ ]"
ODD = [
    "\x00",
    "\ud800",
    "\u202e",
    "½",
    "٣",
    "•",
    "\n",
    "def add(a, b): return a + b",
    "{",
    '"',
    ":",
    "\\frac{1}{2}",
    "or",
    "not",
]
FRAGMENTS = WORDS.split(" ") + ODD
responses = st.one_of(st.text(max_size=80), st.lists(st.sampled_from(FRAGMENTS), max_size=12).map(" ".join))
NAMES = sorted(set(EXAMPLES) - {"code", "remote", "judge"})


@pytest.fixture(scope="module")
def grader():
    with Grader(workers=1, cache_size=0) as running:
        yield running


@pytest.mark.parametrize("name", NAMES)
def test_no_response_is_an_error_and_scores_are_bounded(name, grader):
    @QUICK
    @given(responses, st.sampled_from(EXAMPLES[name]))
    def judged(response, example):
        item = Item("id", name, response, example.reference, example.params)
        verdict = grader.grade_sync(item)
        assert verdict.status != "error", verdict
        assert verdict.score is not None
        assert 0.0 <= verdict.score <= 1.0
        assert verdict.id == "id"
        json.loads(verdict.model_dump_json())
        again = grader.grade_sync(item)
        assert (again.status, again.score, again.reason) == (verdict.status, verdict.score, verdict.reason)

    judged()


@settings(QUICK, max_examples=15)
@given(st.lists(st.tuples(st.sampled_from(NAMES), responses), max_size=20))
def test_a_batch_keeps_order_length_and_verdicts(grader, pairs):
    """Whatever stands beside an item: its verdict comes back in its place."""
    items = []
    for name, response in pairs:
        example = EXAMPLES[name][len(response) % len(EXAMPLES[name])]
        items.append(Item(str(len(items)), name, response, example.reference, example.params))
    verdicts = asyncio.run(grader.grade_many(items))
    assert [verdict.id for verdict in verdicts] == [item.id for item in items]
    alone = [grader.grade_sync(item) for item in items]
    assert [(v.status, v.score, v.reason) for v in verdicts] == [(v.status, v.score, v.reason) for v in alone]


texts = st.text(st.sampled_from(string.ascii_letters + string.digits + " .-"), min_size=1, max_size=20).filter(
    str.strip
)


@QUICK
@given(texts)
def test_a_text_equals_itself(text):
    assert verify("exact", text, text).status == "correct"


@QUICK
@given(st.fractions(max_denominator=1000), st.integers(-(10**12), 10**12))
def test_a_number_equals_itself_and_no_other(fraction, shift):
    assert verify("numeric", str(fraction), str(fraction)).status == "correct"
    assert verify("math", f"\\boxed{{{fraction}}}", str(fraction)).status == "correct"
    other = fraction + shift
    same = "correct" if other == fraction else "incorrect"
    assert verify("math", f"\\boxed{{{other}}}", str(fraction)).status == same
    assert verify("math", f"\\boxed{{{fraction}}}", str(other)).status == same
