"""No response raises, hangs or changes its verdict, whatever the constraint."""

import itertools
import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifiers.instructions import InstructionsVerifier
from verifiers.instructions.catalogue import CONSTRAINTS
from verifiers.instructions.language import language_of

verifier = InstructionsVerifier()
language_of("load the profiles before anything is timed")

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
    "copy:repeat_phrase": {"phrase": "a b a", "small_n": 2},
    "copy:copy": {"prompt_to_repeat": "a a"},
    "copy:copying_simple": {"prompt_to_repeat": "a a"},
    "copy:copying_multiple": {"prompt_to_repeat": "a a", "N": 3},
    "new:copy_span_idx": {"prompt_to_repeat": "a a", "n_start": 0, "n_end": 1},
    "keywords:word_once": {"keyword": "a.a"},
    "keywords:word_count_different_numbers": {"keyword": "a", "frequency": 2, "relation": "at least"},
    "keywords:exclude_word_harder": {"keyword": "a"},
    "keywords:keyword_specific_position": {"keyword": "a", "n": 1, "m": 1},
    "letters:letter_counting": {"N": 3, "relation": "at least"},
    "letters:letter_counting2": {"letter": "a", "let_frequency": 3, "let_relation": "less than"},
    "first_word:first_word_sent": {"first_word": "a"},
    "first_word:first_word_answer": {"first_word": "a"},
    "last_word:last_word_sent": {"last_word": "a"},
    "last_word:last_word_answer": {"last_word": "a"},
    "count:lowercase_counting": {"N": 3},
    "count:counting_composition": {"n_sent": 1, "n_words": 1},
    "count:count_increment_word": {"keyword1": "a", "keyword2": "b"},
    "count:word_count_range": {"min_words": 1, "max_words": 3},
    "count:unique_word_count": {"N": 3},
    "count:conjunctions": {"small_n": 3},
    "count:person_names": {"N": 3},
    "count:numbers": {"N": 3},
    "count:words_japanese": {"N": 3},
    "count:pronouns": {"N": 3},
    "count:keywords_multiple": {f"keyword{n}": "a" for n in range(1, 6)},
    "ratio:stop_words": {"percentage": 50},
    "ratio:overlap": {"reference_text": "a a a", "percentage": 100},
    "words:repeats": {"small_n": 3},
    "words:keywords_specific_position": {"keyword": "a", "n": 1, "m": 1},
    "words:words_position": {"keyword": "a"},
    "sentence:keyword": {"word": "a", "N": 1},
    "sentence:increment": {"small_n": 1},
    "format:options": {"options": "a/b"},
    "format:list": {"sep": "-"},
    "repeat:repeat_change": {"prompt_to_repeat": "a a"},
    "repeat:repeat_span": {"prompt_to_repeat": "a a", "n_start": 0, "n_end": 1},
    "tulu3:verify_keywords": {"keyword_list": ["a"]},
    "tulu3:verify_keyword_frequency": {"word": "a", "N": 1},
    "tulu3:validate_forbidden_words": {"forbidden_words": ["a"]},
    "tulu3:verify_letter_frequency": {"letter": "a", "N": 1},
    "tulu3:validate_response_language": {"language": "en"},
    "tulu3:verify_paragraph_count": {"N": 3},
    "tulu3:validate_word_constraint": {"N": 3, "quantifier": "around"},
    "tulu3:verify_sentence_constraint": {"N": 3, "quantifier": "around"},
    "tulu3:validate_paragraphs": {"N": 1, "first_word": "a", "i": 1},
    "tulu3:verify_postscript": {"postscript_marker": "a"},
    "tulu3:validate_placeholders": {"N": 3},
    "tulu3:verify_bullet_points": {"N": 3},
    "tulu3:validate_choice": {"options": ["a", "b"]},
    "tulu3:validate_highlighted_sections": {"N": 3},
    "tulu3:validate_sections": {"N": 3, "section_splitter": "Section"},
    "tulu3:validate_repeat_prompt": {"original_prompt": "a a"},
    "tulu3:validate_frequency_capital_words": {"N": 3, "quantifier": "around"},
    "tulu3:validate_end": {"end_phrase": "a"},
}
SIZE = 10_000
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
    "?! ",
    "Section 1 ",
    "https://a.",
    '."',
    "\x00\x0b\x1c\u2028",
    "a\n\n",
    "Mr. ",
    "a.b.",
    '\t"a"',
    "1.\n",
]
ENOUGH_S = 0.25
"""A constraint that is not linear takes seconds on these."""
STARTS = ["", "Question 1\n", 'ProductID,Category,Brand,Price,Stock\n"', "Zimbabwe\n", "* "]


def reference(name):
    return {"instruction_id_list": [name], "kwargs": [ARGUMENTS.get(name, {})]}


def least_cpu_s(work):
    """Of up to three times, for a busy machine only ever adds: caches and cores are shared, and so slower at times."""
    least = math.inf
    for _ in range(3):
        begun = time.process_time()
        work()
        least = min(least, time.process_time() - begun)
        if least < ENOUGH_S:
            break
    return least


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_time_is_linear_in_a_hostile_text(name):
    constraint = verifier.Reference.model_validate(reference(name))
    for unit, start in itertools.product(TEXTS, STARTS if name.startswith("custom:") else [""]):
        text = start + unit * (SIZE // len(unit)) + "x"
        for compat in ("official", "strict"):
            seconds = least_cpu_s(
                lambda text=text, compat=compat: verifier.verify(text, constraint, {"compat": compat})
            )
            assert seconds < ENOUGH_S, (start, unit, compat)


HEAVY = ["format:title_case", "count:pronouns", "length_constraints:number_sentences", "last_word:last_word_sent"]


@pytest.mark.parametrize("name", HEAVY)
def test_a_megabyte_takes_a_bounded_time(name):
    text = " ".join(f"Word {n}, 'a *b* [c]. <<D>>!\n- e" for n in range(33_000))[:1_000_000]
    begun = time.process_time()
    assert verifier.verify(text, reference(name), {"compat": "strict"}).status in ("correct", "incorrect")
    assert time.process_time() - begun < 5


def test_a_longer_response_is_undecided():
    assert verifier.verify("x" * 2_000_001, reference("punctuation:no_comma")).status == "undecided"


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
