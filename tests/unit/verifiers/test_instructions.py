"""The verifier around the constraints: references, parameters, verdicts, hostile input."""

import fnmatch
import json
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import ValidationError

from verifiers import registry
from verifiers.instructions import InstructionsVerifier
from verifiers.instructions.catalogue import CONSTRAINTS
from verifiers.instructions.differences import DIFFERENCES
from verifiers.instructions.sentences import punkt_sentences, sentences
from verifiers.instructions.text import tokens

verifier = InstructionsVerifier()
NO_COMMA = {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
TWO = {
    "instruction_id_list": ["punctuation:no_comma", "length_constraints:number_words"],
    "kwargs": [{}, {"num_words": 3, "relation": "at least"}],
}


def test_the_registry_loads_it():
    loaded = registry.load("instructions")
    assert (loaded.name, loaded.isolation) == ("instructions", "inline")


def test_all_constraints_must_hold_unless_the_fraction_is_asked_for():
    assert verifier.verify("one two three", TWO).status == "correct"
    half = verifier.verify("one two", TWO)
    assert (half.status, half.score) == ("incorrect", 0.0)
    assert half.reason == "not followed: length_constraints:number_words"
    assert half.details["instructions"] == [
        {"id": "punctuation:no_comma", "followed": True},
        {"id": "length_constraints:number_words", "followed": False},
    ]
    partial = verifier.verify("one two", TWO, {"scoring": "fraction"})
    assert (partial.status, partial.score) == ("partial", 0.5)


@pytest.mark.parametrize(
    "response", ["", " \n\t", "<think>words, words</think>", "<think>x</think> \n<answer></answer>"]
)
def test_nothing_said_is_no_answer(response):
    assert verifier.verify(response, NO_COMMA).status == "no_answer"


def test_only_the_text_after_the_reasoning_counts():
    quoted = {"instruction_id_list": ["startend:quotation"], "kwargs": [{}]}
    assert verifier.verify("<think>a, b</think>c", NO_COMMA).score == 1
    assert verifier.verify('<think>"</think>\n<answer>\n"c"\n</answer>', quoted).score == 1
    assert verifier.verify('<answer>"c"</answer>', quoted).score == 0


IF_RLVR = [{"instruction_id": ["punctuation:no_comma", "keywords:existence"], "kwargs": [None, {"keywords": ["cat"]}]}]


@pytest.mark.parametrize(
    "reference",
    [
        IF_RLVR,
        str(IF_RLVR),
        json.dumps(IF_RLVR),
        [json.dumps(IF_RLVR[0])],
        IF_RLVR[0],
        {"instruction_id_list": IF_RLVR[0]["instruction_id"], "kwargs": [{"num_words": None}, {"keywords": ["cat"]}]},
        {"instruction_id_list": IF_RLVR[0]["instruction_id"], "kwargs": [{}, {"keywords": ["cat"]}], "prompt": "Meow?"},
    ],
)
def test_every_shape_of_reference(reference):
    assert verifier.verify("a cat", reference).score == 1
    assert verifier.verify("a, cat", reference).score == 0
    assert verifier.verify("a dog", reference).score == 0


def test_numbers_may_come_as_whole_floats():
    words = {
        "instruction_id_list": ["length_constraints:number_words"],
        "kwargs": [{"num_words": 2.0, "relation": "at least"}],
    }
    assert verifier.verify("two words", words).score == 1


def refused(ids, kwargs):
    return {"instruction_id_list": ids, "kwargs": kwargs}


WORDS = "length_constraints:number_words"


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (refused(["punctuation:no_coma"], [{}]), "no instruction has the id 'punctuation:no_coma'; did you mean"),
        (refused(["zzz"], [{}]), "no instruction has the id 'zzz'; "),
        (refused(["punctuation:no_comma"], []), "expected as many kwargs as instructions, got 0 for 1"),
        (refused(["punctuation:no_comma"], [{}, {}]), "got 2 for 1"),
        (refused(["punctuation:no_comma"], [{"num": 3}]), "punctuation:no_comma takes no kwargs; num: "),
        (refused([WORDS], [{"num_words": 3}]), "takes num_words, relation; relation: Field required"),
        (refused([WORDS], [{"num_words": None, "relation": "at least"}]), "num_words: Field required"),
        (refused([WORDS], [{"num_words": -3, "relation": "at least"}]), "greater than or equal to 0"),
        (refused([WORDS], [{"num_words": 2.5, "relation": "at least"}]), "num_words: "),
        (refused([WORDS], [{"num_words": 3, "relation": "at most"}]), "'less than' or 'at least'"),
        (refused(["keywords:existence"], [{"keywords": []}]), "keywords: "),
        (refused(["keywords:existence"], [{"keywords": [""]}]), "keywords.0: "),
        (
            refused(["keywords:letter_frequency"], [{"letter": "ab", "let_frequency": 1, "let_relation": "at least"}]),
            "letter: ",
        ),
        (refused(["language:response_language"], [{"language": "xx"}]), "language: Value error, not a language"),
        (
            refused(
                ["length_constraints:nth_paragraph_first_word"],
                [{"num_paragraphs": 2, "nth_paragraph": 3, "first_word": "a"}],
            ),
            "paragraph 3 of 2 does not exist",
        ),
        (refused([], []), "at least 1 item"),
        ({**NO_COMMA, "extra": 1}, "Extra inputs are not permitted"),
        ("not a label", "expected a label that is JSON or a Python literal, got 'not a label'"),
        ("[" * 100_000, "expected a label"),
        (None, "valid dictionary"),
        ([NO_COMMA, NO_COMMA], "valid dictionary"),
        (3, "valid dictionary"),
    ],
)
def test_a_reference_that_fits_no_rule_is_refused_in_one_line(reference, message):
    with pytest.raises(ValidationError) as caught:
        verifier.Reference.model_validate(reference)
    assert message in str(caught.value)
    assert len(caught.value.errors()[0]["msg"].splitlines()) == 1


@pytest.mark.parametrize("params", [{"mode": "lose"}, {"compat": "ours"}, {"unknown": 1}, {"scoring": "half"}])
def test_an_unknown_parameter_is_refused(params):
    with pytest.raises(ValidationError):
        verifier.verify("text", NO_COMMA, params)


@pytest.mark.parametrize(
    ("name", "kwargs", "response"),
    [
        ("startend:end_checker", {"end_phrase": "done."}, "**done.**"),
        ("startend:end_checker", {"end_phrase": "done."}, "done.\nAnything else?"),
        ("detectable_format:json_format", {}, 'Here it is:\n{"a": 1}'),
        ("detectable_format:json_format", {}, 'Here it is:\n{"a": 1}\nEnjoy!'),
        ("startend:quotation", {}, 'Sure:\n*"quoted"*\nBye.'),
    ],
)
def test_loose_forgives_a_first_line_a_last_line_and_asterisks(name, kwargs, response):
    reference = {"instruction_id_list": [name], "kwargs": [kwargs]}
    assert verifier.verify(response, reference).score == 0
    assert verifier.verify(response, reference, {"mode": "loose"}).score == 1


def test_loose_finds_nothing_in_a_variant_without_text():
    bullets = {"instruction_id_list": ["detectable_format:number_bullet_lists"], "kwargs": [{"num_bullets": 0}]}
    assert verifier.verify("* one", bullets, {"mode": "loose"}).score == 1
    fewer = {"instruction_id_list": [WORDS], "kwargs": [{"num_words": 1, "relation": "less than"}]}
    assert verifier.verify("one", fewer, {"mode": "loose"}).score == 0


def test_the_reference_travels_between_processes():
    reference = verifier.Reference.model_validate(IF_RLVR)
    copy = pickle.loads(pickle.dumps(reference))
    assert verifier.verify("a cat", copy).score == 1
    assert verifier.Reference.model_validate_json(reference.model_dump_json()).constraints() == reference.constraints()


def test_the_same_verdict_from_every_thread():
    short = {"instruction_id_list": ["change_case:english_lowercase"], "kwargs": [{}]}
    texts = [f"dax wug {word} blick" for word in ["alpha", "beta", "gamma", "delta", "eta", "zeta"]] * 8
    alone = [verifier.verify(text, short).score for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda text: verifier.verify(text, short).score, texts)) == alone


def test_differences_name_known_constraints():
    for difference in DIFFERENCES:
        for name in difference.ids.split():
            assert fnmatch.filter(CONSTRAINTS, name), name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  \n ", []),
        ("One", ["One"]),
        ("One. Two? Three! four", ["One.", "Two?", "Three!", "four"]),
        ("Really?! Yes.", ["Really?!", "Yes."]),
        ('"Stop!" he said. Then left.', ['"Stop!"', "he said.", "Then left."]),
        ("(One.) Two.", ["(One.)", "Two."]),
        ("Dr. Who met Mrs. Peel. It rained.", ["Dr. Who met Mrs. Peel.", "It rained."]),
        ("He lives in the U.S. The weather is fine.", ["He lives in the U.S.", "The weather is fine."]),
        ("It cost $3.50 at 5 p.m. on Monday.", ["It cost $3.50 at 5 p.m. on Monday."]),
        ("J. R. R. Tolkien wrote. I read.", ["J. R. R. Tolkien wrote.", "I read."]),
        ("Wait... what? Oh.", ["Wait... what?", "Oh."]),
        ("Wait... The end.", ["Wait...", "The end."]),
        ("I like fruit, e.g. apples, etc. and more. Yes.", ["I like fruit, e.g. apples, etc. and more.", "Yes."]),
        ("1. First\n2. Second", ["1.", "First\n2.", "Second"]),
        ("no. 5 is alive. yes", ["no.", "5 is alive.", "yes"]),
        ("See www.example.com for more. Bye.", ["See www.example.com for more.", "Bye."]),
        ("One.Two. Three.", ["One.Two.", "Three."]),
    ],
)
def test_sentences(text, expected):
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I like fruit, e.g. apples. Yes.", ["I like fruit, e.g.", "apples.", "Yes."]),
        ("Dr. Peel left at 5 p.m. today.", ["Dr. Peel left at 5 p.m. today."]),
        ("A. Cats\nB. Dogs\nC. Owls", ["A.", "Cats\nB.", "Dogs\nC. Owls"]),
        ("We left in mid-Jan. for Rome.", ["We left in mid-Jan. for Rome."]),
        ("He met B. Smith. See o. Let go.", ["He met B. Smith.", "See o.", "Let go."]),
        ('She said "go.". Then (yes.).', ['She said "go.".', "Then (yes.", ")."]),
        ("Is it else's.\" Yes", ["Is it else's.\"", "Yes"]),
        ("use !?!?. Then", ["use !", "?!?.", "Then"]),
        ("**Bold.** Next", ["**Bold.", "** Next"]),
        ("1. One\n2. two", ["1.", "One\n2. two"]),
    ],
)
def test_punkt_sentences(text, expected):
    assert punkt_sentences(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't stop, it's 3:30.", "Do n't stop , it 's 3:30 ."),
        ('He said "go (now)." Then...', "He said `` go ( now ) . '' Then ..."),
        ("'Tis the dogs' 'best' day", "'T is the dogs ' ' best ' day"),
        ("I cannot, we're gonna", "I can not , we 're gon na"),
        ("well-known -- $3,000.50 (50%)", "well-known -- $ 3,000.50 ( 50 % )"),
        ("Mr. Smith left. So did A&B!", "Mr. Smith left . So did A & B !"),
        ("“Curly” *stars* <<x>>", "“ Curly ” * stars * < < x > >"),
    ],
)
def test_treebank_tokens(text, expected):
    assert tokens(text) == expected.split()
