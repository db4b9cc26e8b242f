"""Constraints on which words and letters stand in the text, and how often: `keywords:*`."""

import re

from verifiers.instructions.arguments import ForbiddenWords, KeywordFrequency, Keywords, LetterFrequency
from verifiers.instructions.text import compare, count_matches, pattern_of, whole_word


def existence(text: str, to: Keywords) -> bool:
    """Every keyword is found, in any case, even inside a longer word."""
    return all(pattern_of(keyword).search(text) for keyword in to.keywords)


def existence_strict(text: str, to: Keywords) -> bool:
    """Every keyword stands in the text as a whole word."""
    return all(whole_word(keyword).search(text) for keyword in to.keywords)


def frequency(text: str, to: KeywordFrequency) -> bool:
    """The keyword is found less than or at least so many times, inside longer words too."""
    return compare(count_matches(pattern_of(to.keyword), text), to.relation, to.frequency)


def frequency_strict(text: str, to: KeywordFrequency) -> bool:
    """The keyword stands as a whole word less than or at least so many times."""
    return compare(count_matches(whole_word(to.keyword), text), to.relation, to.frequency)


def forbidden_words(text: str, to: ForbiddenWords) -> bool:
    r"""No forbidden word is found between two word boundaries (`\b`, so `c++` hardly ever is)."""
    return not any(re.search(rf"\b{pattern_of(word).pattern}\b", text, re.IGNORECASE) for word in to.forbidden_words)


def forbidden_words_strict(text: str, to: ForbiddenWords) -> bool:
    """No forbidden word stands as a whole word."""
    return not any(whole_word(word).search(text) for word in to.forbidden_words)


def letter_frequency(text: str, to: LetterFrequency) -> bool:
    """The letter, in either case, occurs less than or at least so many times."""
    return compare(text.lower().count(to.letter.lower()), to.let_relation, to.let_frequency)
