"""IFBench's constraints on counts, ratios, words and sentences, in rows of our own."""

import pytest

from verifiers.instructions import InstructionsVerifier
from verifiers.instructions.catalogue import IFBENCH
from verifiers.instructions.emoji import is_emoji
from verifiers.instructions.syllables import syllables
from verifiers.instructions.verbs import is_verb

T, F = True, False
verifier = InstructionsVerifier()
FIVE = {"keyword1": "ant", "keyword2": "bee", "keyword3": "cow", "keyword4": "dog", "keyword5": "elk"}
KEYWORDS = "ant bee bee cow cow cow dog dog dog dog dog elk elk elk elk elk elk elk"
PALINDROMES = "level radar civic kayak rotor refer madam tenet solos stats"

# id, kwargs, then (response, official, strict) ...
ROWS = [
    (
        "count:word_count_range",
        {"min_words": 3, "max_words": 4},
        ("one two three", T, T),
        ("one two", F, F),
        ("a b c d e", F, F),
        ("don't stop", T, F),
        ("a - b - c", T, T),
    ),
    (
        "count:unique_word_count",
        {"N": 3},
        ("red green blue", T, T),
        ("Red red, RED", F, F),
        ("red green --", T, F),
        ("(red) red! green blue.", T, T),
    ),
    (
        "count:conjunctions",
        {"small_n": 3},
        ("this and that, or those, but no", T, T),
        ("and and and", F, F),
        ("And and and,", T, F),
        ("so for and", T, T),
        ("sand border forty", F, F),
    ),
    (
        "count:person_names",
        {"N": 2},
        ("Emma met Liam.", T, T),
        ("Emma met Emma.", F, F),
        ("Leonardo and Emmanuel left.", T, F),
        ("emma liam", F, F),
    ),
    (
        "count:numbers",
        {"N": 2},
        ("3 cats and 14 dogs", T, T),
        ("3.14 and 1,000", T, T),
        ("one two", F, F),
        ("10-20", F, T),
        ("B2 and C3", T, F),
    ),
    (
        "count:punctuation",
        {},
        ("A, b; c: d. E! F? G?!", T, T),
        ("A, b; c: d. E! F?", F, F),
        ("A, b; c: d. G?!", F, F),
        ("A, b; c: d. E! F? G‽", T, T),
        ("A, b; c: d. E! F? G!?", T, T),
    ),
    (
        "count:words_japanese",
        {"N": 3},
        ("one two 三 four five 六", T, T),
        ("one two three", F, F),
        ("one two", T, F),
        ("one two 3", T, F),
        ("one two カ.", T, T),
        ("one - 三 four five six", F, F),
    ),
    (
        "count:pronouns",
        {"N": 3},
        ("He gave it to her.", T, T),
        ("He gave nothing.", F, F),
        ("she/her/hers", T, T),
        ("Who said that to everyone?", F, T),
        ("I'm sure it's you.", F, T),
    ),
    (
        "count:keywords_multiple",
        FIVE,
        (KEYWORDS, T, T),
        (KEYWORDS.upper(), T, T),
        (f"{KEYWORDS} elk", F, F),
        (KEYWORDS.replace("ant ", "giant "), T, F),
    ),
    (
        "ratio:stop_words",
        {"percentage": 50},
        ("the cat", T, T),
        ("the cat is on the mat", F, F),
        ("cats chase mice", T, T),
        ("!!!", F, F),
        ("I don't", F, F),
    ),
    (
        "ratio:sentence_type",
        {},
        ("One. Two. Three?", T, T),
        ("One. Two?", F, F),
        ("One!", T, F),
        ('He said "yes." She said no. Why?', T, T),
        ("Is it? It is. It was. Was it? Yes. No.", T, T),
    ),
    (
        "ratio:sentence_balance",
        {},
        ("One. Two? Three!", T, T),
        ("One. Two?", F, F),
        ("no mark", T, F),
        ("One. Two! Three? Four. Five! Six?", T, T),
        ('I asked "why?" Nobody knew. Odd!', T, T),
    ),
    (
        "ratio:overlap",
        {"reference_text": "abcdefgh", "percentage": 50},
        ("abcdxyz", F, F),
        ("abcdxy", T, T),
        ("ab", F, F),
        ("abcdefgh", F, F),
    ),
    ("ratio:overlap", {"reference_text": "abcdefgh", "percentage": 52}, ("abcdxy", T, T)),
    ("ratio:overlap", {"reference_text": "abcdefgh", "percentage": 53}, ("abcdxy", F, F)),
    (
        "ratio:sentence_words",
        {},
        ("Cats nap. Dogs run. Owls fly.", T, T),
        ("Cats nap. Cats run. Owls fly.", T, F),
        ("Cats nap. Dogs bark. Owls fly.", F, F),
        ("Cats nap. Dogs run.", F, F),
    ),
    (
        "words:alphabet",
        {},
        ("A big cat dines.", T, T),
        ("You zap all.", T, T),
        ("A big dog.", F, F),
        ("1 big cat", F, F),
        ("(a) 'big' cat", T, T),
        ("???", F, F),
    ),
    ("words:vowel", {}, ("a cat sat\n", T, T), ("A BED IN FOG", F, F), ("a\nb", F, F), ("xyz", T, T)),
    (
        "words:consonants",
        {},
        ("Strong winds blow", T, T),
        ("A strong wind", F, F),
        ("strong - winds", F, T),
        ("99", F, F),
        ("crab, crab.", T, T),
    ),
    (
        "words:palindrome",
        {},
        (PALINDROMES, T, T),
        (PALINDROMES.replace("level ", ""), F, F),
        ("level " * 10, T, F),
        ("aaaaa " * 10, T, F),
        (PALINDROMES.upper().replace(" ", ", "), T, T),
    ),
    (
        "words:prime_lengths",
        {},
        ("My cat jumps", T, T),
        ("My cats", F, F),
        ("a", F, F),
        ("---", T, F),
        ("it's ok", T, T),
    ),
    (
        "words:start_verb",
        {},
        ("Run home.", T, T),
        ("Making bread is fun.", T, T),
        ("Is it?", T, T),
        ("The dog runs.", F, F),
        ("Quickly run.", F, F),
        ("Tried it.", T, T),
        ("Don't go.", T, T),
        ("...", F, F),
    ),
    (
        "words:repeats",
        {"small_n": 1},
        ("one two three", T, T),
        ("one One", F, F),
        ("can't cant", F, F),
        ("...", T, T),
    ),
    (
        "words:odd_even_syllables",
        {},
        ("cat lion dog water", T, T),
        ("cat dog", F, F),
        ("banana river sun", T, T),
        ("cat", T, T),
    ),
    (
        "words:last_first",
        {},
        ("I like cats. Cats like fish. Fish swim.", T, T),
        ("I like cats. Dogs bark.", F, F),
        ("Only one.", T, F),
        ('I like "cats." Cats purr.', F, T),
    ),
    (
        "words:paragraph_last_first",
        {},
        ("Rain is rain.\n\nSun loves sun", T, T),
        ("Rain is wet.", F, F),
        ("Rain", T, F),
        ("Rain, rain, rain", F, T),
        ("***\n\nSun loves sun!", T, T),
    ),
    (
        "words:no_consecutive",
        {},
        ("one big cat", T, T),
        ("big bad cat", F, F),
        ("Big 'bad'", F, F),
        ("one", T, T),
    ),
    (
        "words:keywords_specific_position",
        {"keyword": "fox", "n": 2, "m": 3},
        ("Hi. A red fox ran.", T, T),
        ("Hi. A red Fox ran.", F, T),
        ("Hi. A, fox ran.", T, F),
        ("A red fox ran.", F, F),
        ("Hi. A fox.", F, F),
    ),
    (
        "words:words_position",
        {"keyword": "sun"},
        ("The sun is the sun now", T, T),
        ("The sun is the sun now.", F, T),
        ("The sun is sun.", T, F),
        ("The Sun is the SUN now", F, T),
        ("sun", F, F),
        ("The sun now", T, F),
    ),
    (
        "sentence:alliteration_increment",
        {},
        ("Big bears. Cool cats crawl. Dark dogs dig dirt.", T, T),
        ("Big bears bathe. Cool cats.", F, F),
        ("One more cat. Big bears.", T, F),
        ("Only this.", T, F),
        ("Big bears. Cool cats go down deep.", T, F),
    ),
    (
        "sentence:keyword",
        {"word": "owl", "N": 2},
        ("Hi. An owl flew.", T, T),
        ("An owl flew. Hi.", F, F),
        ("Hi. A bowl fell.", T, F),
        ("An owl.", F, F),
        ("Hi. OWLS and an Owl.", T, T),
    ),
    (
        "sentence:increment",
        {"small_n": 2},
        ("One. One two three. A b c d e.", T, T),
        ("One. One two.", F, F),
        ("Only one.", T, F),
        ("Hi. Well - so it goes.", F, F),
    ),
]
CASES = [(name, kwargs, *case) for name, kwargs, *cases in ROWS for case in cases]


@pytest.mark.parametrize(("name", "kwargs", "response", "official", "strict"), CASES)
def test_a_constraint_says_what_its_rule_says(name, kwargs, response, official, strict):
    reference = {"instruction_id_list": [name], "kwargs": [kwargs]}
    for compat, expected in (("official", official), ("strict", strict)):
        assert verifier.verify(response, reference, {"compat": compat}).score == expected, compat


def test_every_id_has_rows_on_both_sides():
    assert len(IFBENCH) == 58
    for name in (name for name in IFBENCH if name.startswith(("count", "ratio", "words", "sentence"))):
        assert {case[3] for case in CASES if case[0] == name} == {T, F}, name


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("cat dog stopped helped rained the strength make plays", 1),
        ("water lion table being science poem wanted business every careful prism", 2),
        ("banana area idea beautiful another radio violin", 3),
        ("information education appreciate", 4),
        ("4 b2b", 0),
    ],
)
def test_syllables(words, count):
    assert {word: syllables(word) for word in words.split()} == dict.fromkeys(words.split(), count)


def test_forms_of_verbs():
    verbs = "run running ran goes went tried tries stopped cooking sees seeing written made is planned commits"
    assert [word for word in verbs.split() if not is_verb(word)] == []
    others = "the quickly banana beautiful of cookking"
    assert [word for word in others.split() if is_verb(word)] == []


def test_emoji_are_pictographs():
    assert all(map(is_emoji, "😀❤⌚🏽™🪿"))
    assert not any(map(is_emoji, "a1#*.\ufe0f\u200d日 🇫"))
