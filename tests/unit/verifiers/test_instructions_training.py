"""The 29 constraints that IF-RLVR trains on and Tulu 3's 25 functions: rows of our own."""

import json

import pytest
from pydantic import ValidationError

from verifiers.instructions import InstructionsVerifier
from verifiers.instructions.catalogue import IF_RLVR, TULU3
from verifiers.instructions.plain import plain_sentences

T, F = True, False
verifier = InstructionsVerifier()
REQUEST = "Name three rivers."
GERMAN = "Der Ausschuss hat beschlossen, die Sitzung zu verschieben, bis alle Mitglieder den Bericht gelesen haben."

# id, kwargs, then (response, official, strict) ...
ROWS = [
    (
        "copy:repeat_phrase",
        {"phrase": "the cat sat on mats", "small_n": 2},
        ("the dog sat on mats\nthe cat ran on mats", T, T),
        ("the cat sat on mats\nthe cat ran on mats", T, F),
        ("the cat sat on mats\nthe cat sat on mats", F, F),
        ("the dog ran on mats\nthe cat ran on mats", F, F),
        ("the cat ran on mats", F, F),
        ("the cat ran on mats\nthe cat ran on mats", T, F),
        ("the big cat ran on mats\nthe cat ran on mats", F, F),
    ),
    ("copy:copy", {"prompt_to_repeat": REQUEST}, (REQUEST, T, T), (REQUEST.upper(), T, F), (f"{REQUEST} Nile", F, F)),
    ("copy:copying_simple", {"prompt_to_repeat": REQUEST}, (f" {REQUEST}\n", T, T), ("Nile", F, F)),
    (
        "copy:copying_multiple",
        {"prompt_to_repeat": REQUEST, "N": 2},
        (f"{REQUEST}\n******\n{REQUEST}", T, T),
        (f"{REQUEST}******{REQUEST.lower()}", T, F),
        (REQUEST, F, F),
        (f"{REQUEST}******{REQUEST}******", F, F),
    ),
    (
        "new:copy_span_idx",
        {"prompt_to_repeat": REQUEST, "n_start": 0, "n_end": 4},
        ("Name", T, T),
        ("name", T, F),
        ("Name three", F, F),
    ),
    (
        "new:copy_span_idx",
        {"prompt_to_repeat": REQUEST, "n_start": 5, "n_end": 9},
        ("thre", T, F),
        ("three", F, T),
    ),
    (
        "detectable_format:sentence_hyphens",
        {},
        ("One.-Two.-Three.", T, T),
        ("One. Two.", F, F),
        ("One. - Two.", F, F),
        ("One", T, F),
        ("One two.-Three four.", T, T),
    ),
    (
        "keywords:no_adjacent_consecutive",
        {},
        ("cats eat grass", T, T),
        ("a big dog", F, F),
        ("cats (do)", T, F),
        ("one", T, T),
        ("Cats dream", F, F),
    ),
    (
        "detectable_format:square_brackets",
        {},
        ("[one] [two]", T, T),
        ("[one] two", F, F),
        ("[one [two] three]", F, F),
        ("[] []", T, F),
        ("[one]", T, T),
        ("[one].", F, T),
    ),
    (
        "keywords:word_once",
        {"keyword": "sun"},
        ("The sun rose.", T, T),
        ("The sun, the sun.", F, F),
        ("sunday", T, F),
        ("The sun on Sunday", F, T),
        ("none", F, F),
    ),
    (
        "keywords:word_count_different_numbers",
        {"keyword": "sun", "frequency": 2, "relation": "at least"},
        ("sun and sun", T, T),
        ("sun", F, F),
        ("sunny sunday", T, F),
    ),
    (
        "keywords:exclude_word_harder",
        {"keyword": "sun", "instruction": "Talk of the sun."},
        ("the moon", T, T),
        ("the sun rose", F, F),
        ("Sun.", T, F),
        ("the sunday", T, T),
    ),
    (
        "paragraphs:paragraphs",
        {},
        ("one\n***\ntwo", T, T),
        ("one", F, F),
        ("a *** b", T, F),
        ("a\n***\nb\n***\nc", F, F),
    ),
    (
        "paragraphs:paragraphs2",
        {},
        ("one\n\ntwo", T, T),
        ("one\ntwo", F, F),
        ("one\n\n\n\ntwo", F, T),
        ("one\n\ntwo\n\nthree", F, F),
        ("\n\none\n\ntwo", T, T),
        ("one\n \ntwo", F, T),
        ("one\n\n \n\ntwo", F, T),
        ("one\n\n--", T, F),
    ),
    (
        "first_word:first_word_sent",
        {"first_word": "Well"},
        ("Well then. Well now!", T, T),
        ("Well then. Now.", F, F),
        ("Well, then.", F, T),
        ("well then? WELL now.", T, T),
        ("Well then...", T, T),
        ("Well done!!", F, T),
    ),
    (
        "first_word:first_word_answer",
        {"first_word": "Well"},
        ("well then", T, T),
        ("Well, then", F, T),
        ("So well", F, F),
        ("  Well\nthen", T, T),
    ),
    (
        "last_word:last_word_sent",
        {"last_word": "now"},
        ("Do it now. Go now!", T, T),
        ("Do it now. Go.", F, F),
        ("Do it NOW. Go (now).", T, T),
        ("Go now!!", F, T),
    ),
    ("last_word:last_word_sent", {"last_word": "Now"}, ("Go now. Now!", T, T), ("Go.", F, F)),
    (
        "last_word:last_word_answer",
        {"last_word": "now"},
        ("Go now", T, T),
        ("Go now!", T, T),
        ("Go now then", F, F),
        ("Go n-ow.", T, T),
    ),
    (
        "detectable_format:bigram_wrapping",
        {},
        ("<<I am>> <<at home>>", T, T),
        ("<<I am>> at home", F, F),
        ("I am", F, F),
        ("<<I>> <<am>>", T, F),
        ("<<I am>> home", T, F),
        ("word", T, F),
        ("<<I am>> <<home>>", T, T),
    ),
    ("punctuation:punctuation_dot", {}, ("No dots!", T, T), ("One.", F, F), ("3.14", F, F)),
    ("punctuation:punctuation_exclamation", {}, ("None.", T, T), ("Yes!", F, F)),
    (
        "count:lowercase_counting",
        {"N": 2},
        ("Two small words", T, T),
        ("Now three small words", F, F),
        ("ALL CAPS HERE", T, T),
        ("it's", T, T),
        ("one-two-three", F, F),
    ),
    (
        "letters:letter_counting",
        {"N": 5, "relation": "less than"},
        ("four", T, T),
        ("three", F, F),
        ("12345 é", T, T),
    ),
    ("letters:letter_counting", {"N": 5, "relation": "at least"}, ("three", T, T), ("four", F, F)),
    (
        "letters:letter_counting2",
        {"letter": "o", "let_frequency": 2, "let_relation": "at least"},
        ("Oslo", T, T),
        ("Rome", F, F),
    ),
    (
        "count:counting_composition",
        {"n_sent": 2, "n_words": 3},
        ("Cats nap. Dogs bark.\n***\nOwls fly. Bees hum.\n***\nFish swim. Ants dig.", T, F),
        ("My cats nap. My dogs bark. *** Two owls fly. Ten bees hum. *** Six fish swim. Big ants dig.", F, T),
        ("My cats nap. My dogs bark. * * * Two owls fly. Ten bees hum. * * * Six fish swim. Big ants dig.", F, T),
        ("Cats nap. Dogs bark.\n***\nOwls fly. Bees hum.", F, F),
    ),
    (
        "count:count_unique",
        {},
        ("Every word differs", T, T),
        ("The cat, the dog", T, F),
        ("One, two, three", F, T),
        ("cat cat", F, F),
        ("...", T, F),
    ),
    (
        "count:count_increment_word",
        {"keyword1": "sun", "keyword2": "sea"},
        ("sun, sea and sea", T, T),
        ("sun and sea", F, F),
        ("sunny seaside sea", T, F),
        ("sun sun sea sea", F, F),
    ),
    (
        "keywords:palindrome",
        {},
        ("my kayak sank", T, T),
        ("a boat", T, F),
        ("Anna ran", F, T),
        ("no such thing", F, F),
        ("level.", F, T),
        ("--- aaa", T, F),
    ),
    (
        "keywords:keyword_specific_position",
        {"keyword": "fox", "n": 2, "m": 2},
        ("Hi. The fox ran.", T, T),
        ("Hi. The Fox ran.", F, T),
        ("Hi. Big, fox.", F, T),
        ("Hi. Fox.", F, F),
        ("The fox ran.", F, F),
    ),
    (
        "keywords:start_end",
        {},
        ("Rain is rain", T, T),
        ("Rain is rain.", F, F),
        ("Rain", F, F),
        ('"Rain is wet"', F, F),
        ("! hello !", T, F),
    ),
]
CASES = [(name, kwargs, *case) for name, kwargs, *cases in ROWS for case in cases]


@pytest.mark.parametrize(("name", "kwargs", "response", "official", "strict"), CASES)
def test_a_constraint_says_what_its_rule_says(name, kwargs, response, official, strict):
    reference = {"instruction_id_list": [name], "kwargs": [kwargs]}
    for compat, expected in (("official", official), ("strict", strict)):
        assert verifier.verify(response, reference, {"compat": compat}).score == expected, compat


def test_every_id_has_rows_on_both_sides():
    assert len(IF_RLVR) == 29
    for name in IF_RLVR:
        assert {case[3] for case in CASES if case[0] == name} == {T, F}, name


def test_a_word_may_come_as_a_list_of_one():
    reference = [{"instruction_id": ["first_word:first_word_answer"], "kwargs": [{"first_word": ["Well"]}]}]
    assert verifier.verify("Well then", str(reference)).score == 1


# function, arguments, responses that follow, responses that do not
FUNCTIONS = [
    ("verify_keywords", {"keyword_list": ["cat", "dog"]}, ["CAT dogma"], ["cat"]),
    ("verify_keyword_frequency", {"word": "sun", "N": 2}, ["Sun, sun"], ["sun", "sun sun sun", "sunsun"]),
    ("validate_forbidden_words", {"forbidden_words": ["bad"]}, ["good"], ["Badly"]),
    ("verify_letter_frequency", {"letter": "l", "N": 3}, ["hello wolrd"], ["hello", "HELLO WORLD"]),
    ("validate_response_language", {"language": "de"}, [GERMAN], ["The committee met again today.", "123"]),
    ("verify_paragraph_count", {"N": 2}, ["one\n* * *\ntwo"], ["one", "one\n* * *", "one\n***\ntwo"]),
    ("validate_word_constraint", {"N": 3, "quantifier": "at least"}, ["a b c", "a b c d"], ["a b"]),
    ("validate_word_constraint", {"N": 3, "quantifier": "at most"}, ["a b c", "a"], ["a b c d"]),
    ("validate_word_constraint", {"N": 20, "quantifier": "around"}, ["a " * 18, "a " * 22], ["a " * 17, "a " * 23]),
    (
        "verify_sentence_constraint",
        {"N": 2, "quantifier": "at least"},
        ["One. Two."],
        ["One.", "Mr. Smith", "e.g. one"],
    ),
    ("verify_sentence_constraint", {"N": 2, "quantifier": "at most"}, ["One. Two!", "Hi"], ["One. Two? Three."]),
    ("verify_sentence_constraint", {"N": 3, "quantifier": "around"}, ["One. Two."], ["One.", "A one. B two. C. D. E."]),
    ("validate_paragraphs", {"N": 2, "first_word": "So", "i": 2}, ["Hi.\n\nSo what"], ["Hi.\n\nso what", "So"]),
    ("verify_postscript", {"postscript_marker": "P.S."}, ["Bye. P.S. Call"], ["Bye. P.S.", "p.s. call"]),
    ("validate_placeholders", {"N": 2}, ["[a] []"], ["[a]"]),
    ("verify_bullet_points", {"N": 2}, ["* a\n- b", "**a\n---"], ["* a", "1. a\n2. b"]),
    ("validate_title", {}, ["<<a>>", "<<>>"], ["<a>", ">><<"]),
    ("validate_choice", {"options": ["yes", "no"]}, ["yes", "I know"], ["maybe"]),
    ("validate_highlighted_sections", {"N": 2}, ["*a* *b*", "**a**"], ["*a*", "*a\nb* c"]),
    ("validate_sections", {"N": 2, "section_splitter": "Section"}, ["SECTION 1\nsection 2"], ["Section 1", "Section"]),
    ("validate_json_format", {}, ['{"a": 1}', "5"], ["```\n{}\n```", "{a}"]),
    ("validate_repeat_prompt", {"original_prompt": "Why?"}, ["Why? So."], ["why? So.", "So"]),
    ("validate_two_responses", {}, ["a ****** b", "a ******"], ["a", "a ****** a", "a ****** b ****** c"]),
    ("validate_uppercase", {}, ["DAX WUG", "12"], ["Dax"]),
    ("validate_lowercase", {}, ["dax wug", "12"], ["Dax"]),
    ("validate_frequency_capital_words", {"N": 2, "quantifier": "at most"}, ["AN OX runs"], ["I AM HERE"]),
    ("validate_frequency_capital_words", {"N": 2, "quantifier": "at least"}, ["AN OX runs"], ["An OX"]),
    ("validate_end", {"end_phrase": "Bye."}, ["So. Bye."], ["So. bye.", "Bye. So"]),
    ("validate_quotation", {}, ['"a"', '"'], ['"a', "a"]),
    ("validate_no_commas", {}, ["a b"], ["a, b"]),
]


@pytest.mark.parametrize(("name", "arguments", "good", "bad"), FUNCTIONS)
def test_the_functions_of_tulu_3(name, arguments, good, bad):
    padding = {"N": None, "quantifier": None, "keyword_list": None, "end_phrase": None}
    label = {"func_name": name, **padding, **arguments}
    for shape in (label, json.dumps(label), [label]):
        assert [verifier.verify(text, shape).score for text in good] == [1.0] * len(good)
        assert [verifier.verify(text, shape).score for text in bad] == [0.0] * len(bad)


def test_every_function_of_tulu_3_is_there():
    assert len(TULU3) == 25
    assert {f"tulu3:{name}" for name, *_ in FUNCTIONS} == set(TULU3)


@pytest.mark.parametrize(
    "label",
    [
        {"func_name": "validate_nothing"},
        {"func_name": "verify_bullet_points"},
        {"func_name": "verify_bullet_points", "N": 2, "word": "sun"},
        {"func_name": "validate_word_constraint", "N": 2, "quantifier": "less than"},
        {"func_name": "verify_letter_frequency", "letter": "ab", "N": 1},
        {"func_name": "validate_paragraphs", "N": 1, "first_word": "So", "i": 2},
        {"func_name": None},
    ],
)
def test_a_label_that_fits_no_function_is_refused(label):
    with pytest.raises(ValidationError):
        verifier.verify("text", label)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two? Three!", ["One.", "Two?", "Three!"]),
        ("Dr. Who met Mr. Smith. He ran.", ["Dr. Who met Mr. Smith.", "He ran."]),
        ("It cost 3.50 at shop.com. Cheap.", ["It cost 3.50 at shop.com.", "Cheap."]),
        ("Wait... what", ["Wait...", "what"]),
        ("No!!", ["No!", "!"]),
        ('She said "go." Then left.', ['She said "go".', "Then left."]),
        ("The U.S. He left.", ["The U.S.", "He left."]),
        ("The U.S. army left.", ["The U.S. army left."]),
        ("Ask Acme Inc. today. Or Bob Jr. He knows.", ["Ask Acme Inc. today.", "Or Bob Jr", "He knows."]),
        ("J. Smith has a Ph.D. in it.", ["J. Smith has a Ph.D. in it."]),
        ("one\ntwo", ["one two"]),
        ("", []),
    ],
)
def test_plain_sentences(text, expected):
    assert plain_sentences(text) == expected
