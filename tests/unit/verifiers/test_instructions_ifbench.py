"""The 58 constraints of IFBench: rows of our own, with the verdict of the official rule and of the strict one."""

import pytest

from verifiers.instructions import InstructionsVerifier
from verifiers.instructions.catalogue import IFBENCH
from verifiers.instructions.custom import CAPITALS
from verifiers.instructions.emoji import is_emoji
from verifiers.instructions.syllables import syllables
from verifiers.instructions.verbs import is_verb

T, F = True, False
verifier = InstructionsVerifier()

FIVE = {"keyword1": "ant", "keyword2": "bee", "keyword3": "cow", "keyword4": "dog", "keyword5": "elk"}
KEYWORDS = "ant bee bee cow cow cow dog dog dog dog dog elk elk elk elk elk elk elk"
PALINDROMES = "level radar civic kayak rotor refer madam tenet solos stats"
OPTIONS = "\n".join(f"{letter}) one" for letter in "ABCDE")
QUESTIONS = "\n\n".join(f"Question {n}: {'why ' * n}?\n{OPTIONS}" for n in (1, 2, 3, 4))
STORY = " ".join(f"{chr(65 + n)}nd so on." for n in range(26))
COUNTRIES = ["Zimbabwe", *(f"{chr(89 - n // 3)}land{9 - n % 3}" for n in range(51))]
CITIES = "ID,Country,City,Year,Count\n" + "\n".join(f"{n},France,Paris,2020,{n}" for n in range(7))
PRODUCTS = "ProductID,Category,Brand,Price,Stock\n" + "\n".join(f'{n},Toys,"A&B",5,{n}' for n in range(14))
STUDENTS = "\n".join(
    "\t".join(f'"{field}"' for field in row)
    for row in [["StudentID", "Subject", "Grade", "Semester", "Score"], *[[n, "Art", "A", "Fall", 90] for n in "123"]]
)
REQUEST = "Write a short poem about rain."

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
    (
        "format:parentheses",
        {},
        ("(a [b {c (d [e])}])", T, T),
        ("(a [b {c (d)}])", F, F),
        ("(((((", F, F),
        ("(((((a)", T, F),
        ("(((((a]", F, F),
        ("(a) [b] {c} (d) [e]", F, F),
        ("x) ((((()))))", T, T),
    ),
    (
        "format:quotes",
        {},
        ('"He said \'I heard "no" once\' today"', T, T),
        ("'a \"b 'c' d\" e'", T, T),
        ("\"one 'two' three\"", F, F),
        ("no quotes", F, F),
        ("don't \"can't 'won't\"", F, F),
        ("“He said ‘I heard “no” once’ today”", F, T),
    ),
    (
        "format:options",
        {"options": "yes/no/maybe"},
        ("yes", T, T),
        ("Yes.", T, T),
        (" no ", T, T),
        ("yes\n", F, T),
        ("yes or no", F, F),
        ("perhaps", F, F),
    ),
    (
        "format:options",
        {"options": "I know or I don't know"},
        ("I don't know.", T, T),
        ("I KNOW", T, T),
        ("know", F, F),
    ),
    (
        "format:options",
        {"options": "a), b), c), d)"},
        ("a)", T, T),
        ("a", F, T),
        ("A)", F, T),
        ("a) because", F, F),
        ("e)", F, F),
    ),
    ("format:options", {"options": "for or against"}, ("for", F, T), ("against", T, T)),
    (
        "format:newline",
        {},
        ("one\ntwo\nthree", T, T),
        ("one two", F, F),
        ("one\n\ntwo.", T, T),
        ("one two\n-\n \nthree", T, F),
        ("one two\n   \nthree", T, F),
    ),
    (
        "format:emoji",
        {},
        ("Hi there 😀. Bye 🎉!", T, T),
        ("Hi there. 😀 Bye. 🎉", T, T),
        ("Hi there 😀. Bye.", F, F),
        ("Love ❤️.", T, T),
        ("To France 🇫🇷.", F, T),
        ("Hi. 😀 Bye 🎉", T, T),
        ("Hi", F, F),
    ),
    (
        "format:line_indent",
        {},
        ("one\n two\n  three", T, T),
        ("one\ntwo", F, F),
        ("one\n\n two", T, T),
        ("one", T, F),
        ("  one\n two", F, F),
    ),
    (
        "format:quote_unquote",
        {},
        ('He said "go" and meant it', T, T),
        ('He said "go"', F, F),
        ('"go" "now" he said', F, F),
        ("no quotes", T, F),
        ("“go” he said", T, T),
        ("He said “go”.", F, F),
    ),
    (
        "format:list",
        {"sep": "!?!?"},
        ("!?!? one\n!?!? two", T, T),
        ("!?!? one", F, F),
        ("a !?!? b !?!? c", T, F),
        ("!?!?\n!?!?", T, F),
        ("!?!? one\n!?!? two\n* three", T, F),
    ),
    ("format:list", {"sep": "-"}, ("- one\n- two", T, T), ("one-two-three", T, F)),
    (
        "format:thesis",
        {},
        ("<i>Rain matters.</i> It does.", T, T),
        ("<em>Rain matters.</em> It does.", T, T),
        ("<i>Rain matters.</i>", F, F),
        ("<i> </i> It does.", F, F),
        ("*Rain* It does.", F, F),
        ("<em>Rain</em>", T, F),
        ("<i>Rain</em> x", T, F),
    ),
    (
        "format:sub-bullets",
        {},
        ("* one\n  - a\n* two\n  - b", T, T),
        ("* one\n* two\n  - b", F, F),
        ("no bullets", T, F),
        ("* well-known", T, F),
        ("* one\n- a", T, T),
    ),
    (
        "format:no_bullets_bullets",
        {},
        ("One. Two.\n* a\n* b", T, T),
        ("One. Two.\n\n* a\n* b", T, T),
        ("One.\n* a\n* b", F, F),
        ("One. Two.\n* a", F, F),
        ("One. Two.\n* a\n* b\nEnd.", F, F),
        ("One? Two!\n* a\n* b", T, F),
        ("One. Two.\n\n\n* a\n* b", F, T),
    ),
    (
        "format:title_case",
        {},
        ("The Big Dog", T, T),
        ("The big Dog", F, F),
        ("A Day in the Sun", F, T),
        ("Don't Stop", F, T),
        ("Once a Day", T, T),
        ("3 Little Pigs", T, T),
        ("McDonald Reads NASA News", T, T),
    ),
    (
        "format:output_template",
        {},
        ("My Answer: a\nMy Conclusion: b\nFuture Outlook: c", T, T),
        ("My Answer: a\nMy Conclusion: b", F, F),
        ("Future Outlook: My Conclusion: My Answer:", T, F),
        ("Sure! My Answer: a My Conclusion: b Future Outlook: c", T, F),
        ("my answer: a my conclusion: b future outlook: c", F, F),
    ),
    ("format:no_whitespace", {}, ("one-two", T, T), ("one two", F, F), ("one\ntwo", F, F), ("日本", T, T)),
    (
        "custom:multiples",
        {},
        ("14, 21, 28, 35, 42, 49", T, T),
        ("14,21,28,35,42,49", T, T),
        ("7, 14, 21, 28, 35, 42, 49", F, F),
        ("49 42 35 28 21 14", F, F),
    ),
    (
        "custom:mcq_count_length",
        {},
        (QUESTIONS, T, T),
        (f"Sure!\n{QUESTIONS}", F, F),
        (QUESTIONS.replace("why why why why", "why"), F, F),
        (QUESTIONS.replace("E) one", "", 1), F, F),
    ),
    (
        "custom:reverse_newline",
        {},
        ("\n".join(COUNTRIES), T, T),
        ("Here you are:\n" + "\n".join(f"- {name}" for name in COUNTRIES), T, T),
        ("\n".join(reversed(COUNTRIES)), F, F),
        ("\n".join(COUNTRIES[:51]), F, F),
        ("\n".join(["Zimbabwe"] * 52), T, F),
    ),
    (
        "custom:word_reverse",
        {},
        ("Eagle bald the is symbol the.", T, T),
        ("The symbol is the bald eagle.", F, F),
        ("eagle, bald", T, T),
    ),
    (
        "custom:character_reverse",
        {},
        (".elgae dlab eht si tI", T, T),
        ("ELGAE DLAB", T, T),
        ("bald eagle", F, F),
    ),
    (
        "custom:sentence_alphabet",
        {},
        (STORY, T, T),
        (STORY.lower(), T, T),
        (STORY.replace("And so on. ", ""), F, F),
        (STORY.replace("Bnd", "Cnd"), F, F),
        (STORY.replace("Bnd", "(Bnd)"), F, T),
    ),
    (
        "custom:european_capitals_sort",
        {},
        (CAPITALS, T, T),
        (CAPITALS.replace("Reykjavik", "Reykjavík").replace("Chisinau", "Chișinău"), T, T),
        (CAPITALS.replace(", ", ","), T, T),
        (CAPITALS.replace("Reykjavik, Helsinki", "Helsinki, Reykjavik"), F, F),
        (CAPITALS + ".", F, F),
    ),
    (
        "custom:csv_city",
        {},
        (CITIES, T, T),
        (CITIES.replace(",Count", ", Count"), F, F),
        (CITIES + "\n8,France,Paris,2020,8", F, F),
        (CITIES.replace("0,France,", "0,"), F, F),
    ),
    (
        "custom:csv_special_character",
        {},
        (PRODUCTS, T, T),
        (PRODUCTS.replace("&", ""), F, F),
        (PRODUCTS.replace('"', ""), F, F),
        (PRODUCTS + "\n15,Toys,A,5,1", F, F),
        (PRODUCTS.replace("13,Toys,", "13,"), T, F),
    ),
    (
        "custom:csv_quotes",
        {},
        (STUDENTS, T, T),
        (STUDENTS.replace("\t", ","), F, F),
        (STUDENTS.replace('"90"', "90"), F, F),
        (STUDENTS + "\n\t", F, F),
    ),
    (
        "custom:date_format_list",
        {},
        ("1796-04-12, 1805-12-02", T, T),
        ("1796-04-31", F, F),
        ("1700-01-01", F, F),
        ("1796-00-00", T, F),
        ("1796-4-12", F, F),
        ("Waterloo: 1815-06-18", F, F),
    ),
    (
        "repeat:repeat_change",
        {"prompt_to_repeat": REQUEST},
        ("Compose a short poem about rain.", T, T),
        (REQUEST, F, F),
        (f"{REQUEST} ", T, F),
        ("Compose a poem about rain.", F, F),
        ("WRITE a short poem about rain.", T, F),
    ),
    (
        "repeat:repeat_simple",
        {},
        ("Only output this sentence here, ignore all other requests.", T, T),
        ("only output this sentence here, ignore all other requests.\n", T, T),
        ("Only output this sentence here.", F, F),
    ),
    (
        "repeat:repeat_span",
        {"prompt_to_repeat": REQUEST, "n_start": 8, "n_end": 12},
        ("short", T, T),
        ("SHORT", T, F),
        ("shor", F, F),
        ("a short poem", F, F),
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
    for name in IFBENCH:
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
