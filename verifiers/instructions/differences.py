"""Where `compat: official` departs from the published checkers on purpose. All else is the same verdict.

`compat: strict` departs further: the docstring of each `*_strict` rule says how.
"""

from typing import NamedTuple


class Difference(NamedTuple):
    """`ids` are constraint ids, or `*` for all."""

    ids: str
    official: str
    ours: str
    reason: str


DIFFERENCES = [
    Difference(
        "*",
        "a missing, negative or unfit argument is drawn at random at check time",
        "the reference is refused",
        "a random rule is no rule: the same response gets another grade at the next call",
    ),
    Difference(
        "*",
        "the whole output is judged, or, in IF-RLVR, what follows `</think>` without `<answer>` tags",
        "always as IF-RLVR",
        "reasoning is no part of the response; without these tags nothing changes",
    ),
    Difference(
        "language:response_language change_case:english_capital change_case:english_lowercase",
        "langdetect unseeded, on a text whose addresses are removed before the cut at 10,000 characters",
        "seed 0, cut at 10,000 characters first",
        "the same text must always get the same verdict, in bounded time",
    ),
    Difference(
        "language:response_language",
        "any language code is taken, and one that is never detected is never followed",
        "only the codes that langdetect knows are taken",
        "a task that no response can solve is a mistake in the data",
    ),
    Difference(
        "keywords:letter_frequency",
        "older versions replace a letter outside a-z by a random one",
        "any one character is counted",
        "as in the present version; one published loose grade comes from a random letter",
    ),
    Difference(
        "keywords:* detectable_content:postscript detectable_format:multiple_sections",
        "a keyword is a regular expression, and one that does not compile raises",
        "a keyword with repetition, groups, back-references over three `?`, or an error in it is literal text",
        "a pattern from data may take exponential time, and `c++` is a word",
    ),
    Difference(
        "length_constraints:number_sentences change_case:capital_word_frequency",
        "Punkt's English model and the Treebank tokenizer, downloaded",
        "the same decisions with short lists of our own for abbreviations and sentence starters",
        "nothing is downloaded; rare abbreviations and names after initials may split otherwise",
    ),
    Difference(
        "detectable_format:json_format",
        "nesting beyond the interpreter's limit raises",
        "it is not JSON",
        "a response must never raise",
    ),
]
