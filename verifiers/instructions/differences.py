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
        "always as IF-RLVR, the tags dropped only after a `</think>` and at both ends",
        "reasoning is no part of the response; without these tags nothing changes",
    ),
    Difference(
        "*",
        "any length is judged",
        "over 2,000,000 characters the verdict is `undecided`",
        "the checks run inline, so their time must be bounded",
    ),
    Difference(
        "language:response_language change_case:english_capital change_case:english_lowercase",
        "langdetect unseeded, on a text whose addresses are removed before the cut at 10,000 characters",
        "seed 0, cut at 10,000 characters first",
        "the same text must always get the same verdict, in bounded time",
    ),
    Difference(
        "language:response_language tulu3:validate_response_language",
        "any language code is taken, and one that is never detected is never followed; Tulu 3 raises on no feature",
        "only the codes that langdetect knows are taken; with Tulu 3, no feature is not followed",
        "a task that no response can solve is a mistake in the data; a response must never raise",
    ),
    Difference(
        "keywords:letter_frequency letters:letter_counting2",
        "older versions, and IF-RLVR, replace a letter outside a-z by a random one",
        "any one character is counted",
        "as in IFEval's present version; one published loose grade comes from a random letter",
    ),
    Difference(
        "keywords:* count:count_increment_word detectable_content:postscript detectable_format:multiple_sections",
        "a keyword is a regular expression, and one that does not compile raises",
        "a keyword with repetition, groups, back-references, over three `?`, or an error in it is literal text",
        "a pattern from data may take exponential time, and `c++` is a word",
    ),
    Difference(
        "length_constraints:number_sentences",
        "sentences by Punkt's English model, downloaded",
        "the same decisions with short lists of our own for abbreviations and sentence starters",
        "nothing is downloaded; after an abbreviation, an initial or `...` a capitalised word may be taken otherwise",
    ),
    Difference(
        "change_case:capital_word_frequency words:words_position format:title_case count:count* keywords:start_end",
        "tokens by NLTK, in Punkt's sentences, downloaded",
        "the same tokens in our sentences",
        "nothing is downloaded; only the period after a rare abbreviation may differ",
    ),
    Difference(
        "count:pronouns count:person_names sentence:* ratio:sentence_* words:* format:emoji format:title_case",
        "IFBench's present code splits by Punkt, counts 30 pronouns more, wants whole words and forgives a final mark",
        "the rules of its first release; the later ones are in `compat: strict`",
        "the published grades come from the first release: with Punkt one of them differs, so none does",
    ),
    Difference(
        "repeat:repeat_span",
        "the first release counts words, although the prompt says characters",
        "characters, both ends included, as in the present version",
        "the prompt says so",
    ),
    Difference(
        "new:copy_span_idx copy:copying_multiple count:lowercase_counting letters:letter_counting",
        "an argument of 0 counts as missing and is drawn at random",
        "0 is 0 where it makes sense, else refused",
        "a random rule is no rule",
    ),
    Difference(
        "copy:repeat_phrase",
        "the first and last word of the phrase are regular expressions",
        "literal text",
        "a pattern from data may take exponential time",
    ),
    Difference(
        "format:line_indent",
        "of several blank lines in a row, every second one stays and counts as not indented",
        "no blank line counts",
        "a slip: a list is changed while it is walked",
    ),
    Difference(
        "words:start_verb",
        "the first word's tag by NLTK's tagger, downloaded",
        "a list of about 950 verbs and their forms",
        "nothing is downloaded; a noun spelled like a verb passes, a rare verb does not",
    ),
    Difference(
        "words:odd_even_syllables",
        "syllapy: a list of 6,400 words, then a rule of spelling",
        "a rule of spelling",
        "no further dependency; about one word in twenty gets another count",
    ),
    Difference(
        "detectable_format:json_format tulu3:validate_json_format custom:csv_*",
        "nesting beyond the interpreter's limit, a field over 128 KB or an empty field raises",
        "it is not JSON, not the table asked for",
        "a response must never raise",
    ),
]
