"""No response raises, hangs or changes its verdict, whatever the constraint."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifiers.instructions import InstructionsVerifier
from verifiers.instructions.catalogue import CONSTRAINTS

verifier = InstructionsVerifier()

ARGUMENTS = {
    "keywords:existence": {"keywords": ["a.a", "b?b"]},
    "keywords:frequency": {"keyword": "a[ab].a", "frequency": 2, "relation": "at least"},
    "keywords:forbidden_words": {"forbidden_words": ["a.a", "(a+)+$"]},
    "keywords:letter_frequency": {"letter": "a", "let_frequency": 3, "let_relation": "less than"},
    "language:response_language": {"language": "en"},
    "length_constraints:number_sentences": {"num_sentences": 3, "relation": "at least"},
    "length_constraints:number_paragraphs": {"num_paragraphs": 3},
    "length_constraints:number_words": {"num_words": 3, "relation": "less than"},
    "length_constraints:nth_paragraph_first_word": {"num_paragraphs": 1, "nth_paragraph": 1, "first_word": "a"},
    "detectable_content:number_placeholders": {"num_placeholders": 3},
    "detectable_content:postscript": {"postscript_marker": "P.P.S"},
    "detectable_format:number_bullet_lists": {"num_bullets": 3},
    "detectable_format:number_highlighted_sections": {"num_highlights": 3},
    "detectable_format:multiple_sections": {"section_spliter": "Section", "num_sections": 3},
    "combination:repeat_prompt": {"prompt_to_repeat": "a a a"},
    "startend:end_checker": {"end_phrase": "a a"},
    "change_case:capital_word_frequency": {"capital_frequency": 3, "capital_relation": "at least"},
}
TEXTS = [
    "\n \t",
    "*",
    "[",
    "<",
    ".",
    "'",
    '"',
    "a",
    "a. ",
    "A. ",
    "?! ",
    "{",
    "(a)",
    "9",
    "-\n",
    "***\n",
    "Section 1 ",
    "日本 ",
    "\U0001f600 ",
    "https://a.",
    "x@",
    '."',
    ", ",
    "\x00\x0b\x1c\u2028",
]


def reference(name):
    return {"instruction_id_list": [name], "kwargs": [ARGUMENTS.get(name, {})]}


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_time_is_linear_in_a_hostile_text(name):
    constraint = verifier.Reference.model_validate(reference(name))
    for unit in TEXTS:
        text = unit * (60_000 // len(unit))
        for compat in ("official", "strict"):
            start = time.process_time()
            verifier.verify(text + "x", constraint, {"compat": compat})
            assert time.process_time() - start < 1, (unit, compat)


def test_a_megabyte_takes_a_bounded_time():
    every = {
        "instruction_id_list": list(CONSTRAINTS),
        "kwargs": [ARGUMENTS.get(name, {}) for name in CONSTRAINTS],
    }
    text = " ".join(f"Word {n}, 'a *b* [c]. <<D>>!\n- e" for n in range(33_000))[:1_000_000]
    start = time.process_time()
    verifier.verify(text, every, {"compat": "strict"})
    verifier.verify(text, every)
    assert time.process_time() - start < 60
    assert verifier.verify("x" * 4_000_001, reference("punctuation:no_comma")).status == "undecided"


PIECES = st.sampled_from(
    [*"aA1.,!?*-#'\"[](){}<>\n\t |", " ", "\n\n", "***", "******", "```", "é", "日", "🙂", "Section 1", "P.S."]
)


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=30).map("".join)), st.sampled_from(sorted(CONSTRAINTS))
)
def test_no_text_raises_and_the_verdict_is_stable(text, name):
    for params in ({}, {"mode": "loose"}, {"compat": "strict"}, {"compat": "strict", "mode": "loose"}):
        verdict = verifier.verify(text, reference(name), params)
        assert verdict.status in ("correct", "incorrect", "no_answer")
        assert verifier.verify(text, reference(name), params) == verdict
        if params.get("mode") == "loose":
            strict = verifier.verify(text, reference(name), {**params, "mode": "strict"})
            assert verdict.score >= strict.score
