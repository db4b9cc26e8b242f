"""Words of a text, and patterns that come from data, in time linear in the text.

Left out: sentences (`sentences.py`) and languages (`language.py`).
"""

import re
import string
from functools import lru_cache

from verifiers.instructions.sentences import punkt_sentences

PUNCTUATION = string.punctuation
NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
MAX_OPTIONAL = 3
"""More `?` than this in a keyword read as a pattern could take exponential time."""

RUN_OF_WORD_CHARACTERS = re.compile(r"\w+")
CLOSERS = "\\])}>\"'»”’"
FINAL_PERIOD = re.compile(rf"(?<=[^.])\.(?=[{CLOSERS} ]*\Z)")
OPENING_QUOTE = re.compile(r"(?:^|(?<=[ (\[{<]))(?:\"|'')")
SEPARATORS = re.compile(r"\.{2,}|--|``|''|[;@#$%&?!*\[\](){}<>`«»“”‘’„\u2012-\u2015]|[:,](?!\d)")
OPENING_APOSTROPHE = re.compile(r"'(?!(?:re|ve|ll|m|t|s|d|n)\b)(?=\w)", re.IGNORECASE)
CLITIC = re.compile(r"(.*[^'])('s|'m|'d|'ll|'re|'ve|n't|')", re.IGNORECASE | re.DOTALL)
FUSED = {"cannot": 3, "d'ye": 1, "gimme": 3, "gonna": 3, "gotta": 3, "lemme": 3, "more'n": 4, "wanna": 3}
FUSED |= {"'tis": 2, "'twas": 2}
"""Words that are two tokens, and where the first one ends."""


def count_words(text: str) -> int:
    """Runs of letters, digits and underscores, as IFEval counts: `don't` is two."""
    return sum(1 for _ in RUN_OF_WORD_CHARACTERS.finditer(text))


def spaced_words(text: str) -> list[str]:
    """What stands between white space and holds a letter or a digit: `don't` is one."""
    return [word for word in text.split() if any(char.isalnum() for char in word)]


def bare(word: str) -> str:
    """The word without the ASCII punctuation around it."""
    return word.strip(PUNCTUATION + " ")


def tokens(text: str) -> list[str]:
    """Penn Treebank tokens of every sentence: punctuation apart, `can't` is `ca` and `n't`, hyphens and decimals stay.

    The rules are those of NLTK's `word_tokenize`: `"` becomes `` where it opens and '' where it closes.
    """
    return [token for sentence in punkt_sentences(text) for token in sentence_tokens(sentence)]


def sentence_tokens(sentence: str) -> list[str]:
    """Treebank tokens of one sentence, whose last period is a token of its own."""
    quoted = OPENING_QUOTE.sub(" `` ", sentence.rstrip()).replace('"', " '' ")
    chunks = SEPARATORS.sub(r" \g<0> ", FINAL_PERIOD.sub(" . ", quoted, count=1)).split()
    found: list[str] = []
    for chunk in chunks:
        found += split_word(chunk) if "'" in chunk or chunk.lower() in FUSED else [chunk]
    return found


def split_word(chunk: str) -> list[str]:
    """An opening apostrophe, clitics at the end, and fused words are tokens of their own."""
    opening = chunk.lower() not in FUSED and OPENING_APOSTROPHE.match(chunk) is not None
    body = chunk[1:] if opening else chunk
    match = CLITIC.fullmatch(body)
    stem, clitic = match.groups() if match else (body, "")
    cut = FUSED.get(stem.lower(), 0)
    return [part for part in ("'" if opening else "", stem[:cut], stem[cut:], clitic) if part]


@lru_cache(maxsize=4096)
def pattern_of(keyword: str) -> re.Pattern[str]:
    """The official checkers take keywords for patterns; so does this where the match stays linear, else literally.

    Repetition, groups and look-around make a keyword literal text: `c++`, `(a|b)`, `.*`.
    """
    harmless = not re.search(r"[*+{(]|\\[0-9AZ]", keyword) and keyword.count("?") <= MAX_OPTIONAL
    if harmless:
        try:
            return re.compile(keyword, re.IGNORECASE)
        except re.error:
            pass
    return re.compile(re.escape(keyword), re.IGNORECASE)


@lru_cache(maxsize=4096)
def whole_word(keyword: str) -> re.Pattern[str]:
    """The keyword as literal text that is no part of a longer word; any white space fits a space in it."""
    body = r"\s+".join(map(re.escape, keyword.split()))
    return re.compile(rf"(?<!\w){body}(?!\w)", re.IGNORECASE)


def count_matches(pattern: re.Pattern[str], text: str) -> int:
    return sum(1 for _ in pattern.finditer(text))


def compare(count: int, relation: str, bound: int) -> bool:
    """IFEval's two relations: `less than` and `at least`."""
    return count < bound if relation == "less than" else count >= bound
