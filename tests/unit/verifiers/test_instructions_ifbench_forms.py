"""IFBench's constraints on format, its custom ones and repetition, in rows of our own."""

import pytest

from verifiers.instructions import InstructionsVerifier
from verifiers.instructions.catalogue import IFBENCH
from verifiers.instructions.custom import CAPITALS

T, F = True, False
verifier = InstructionsVerifier()
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
    for name in (name for name in IFBENCH if name.startswith(("format", "custom", "repeat"))):
        assert {case[3] for case in CASES if case[0] == name} == {T, F}, name
