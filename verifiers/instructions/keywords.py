"""Constraints on which words and letters stand in the text, and how often: `keywords:*` and `letters:*`."""

import re
from itertools import pairwise

from verifiers.instructions.arguments import (
    ExcludedKeyword,
    ForbiddenWords,
    Keyword,
    KeywordFrequency,
    KeywordPosition,
    Keywords,
    LetterCount,
    LetterFrequency,
    Nothing,
)
from verifiers.instructions.plain import plain_sentences
from verifiers.instructions.sentences import sentences
from verifiers.instructions.text import (
    bare,
    compare,
    count_matches,
    pattern_of,
    sentence_tokens,
    spaced_words,
    tokens,
    whole_word,
)


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


def word_once(text: str, to: Keyword) -> bool:
    """The keyword is found exactly once, inside a longer word too."""
    return count_matches(pattern_of(to.keyword), text) == 1


def word_once_strict(text: str, to: Keyword) -> bool:
    """The keyword stands as a whole word exactly once."""
    return count_matches(whole_word(to.keyword), text) == 1


def exclude_word_harder(text: str, to: ExcludedKeyword) -> bool:
    """The keyword never stands between two spaces, in this case."""
    return f" {to.keyword} " not in text


def exclude_word_harder_strict(text: str, to: ExcludedKeyword) -> bool:
    """The keyword never stands as a whole word, in any case."""
    return not whole_word(to.keyword).search(text)


def no_adjacent_consecutive(text: str, _: Nothing) -> bool:
    """No word starts with the character after that of the word before it."""
    firsts = [word[0].lower() for word in text.split()]
    return all(len(one) == len(other) == 1 and ord(other) - ord(one) != 1 for one, other in pairwise(firsts))


def no_adjacent_consecutive_strict(text: str, _: Nothing) -> bool:
    """The same for the first letter or digit of each word."""
    firsts = [re.sub(r"[\W_]+", "", word)[0].lower()[0] for word in spaced_words(text)]
    return all(ord(other) - ord(one) != 1 for one, other in pairwise(firsts))


def palindrome(text: str, _: Nothing) -> bool:
    """Some word reads the same backwards, in its case; `a` and `-` do."""
    return any(word == word[::-1] for word in text.split())


def palindrome_strict(text: str, _: Nothing) -> bool:
    """Some word of three or more letters, not all the same, reads the same backwards in any case."""
    words = (bare(word).lower() for word in text.split())
    return any(len(word) > 2 and len(set(word)) > 1 and word.isalpha() and word == word[::-1] for word in words)


def keyword_specific_position(text: str, to: KeywordPosition) -> bool:
    """The mth Treebank token of the nth sentence is the keyword, in this case; punctuation counts as a token."""
    found = plain_sentences(text)
    words = tokens(found[to.n - 1]) if len(found) >= to.n else []
    return len(words) >= to.m and words[to.m - 1] == to.keyword


def keyword_specific_position_strict(text: str, to: KeywordPosition) -> bool:
    """The mth word of the nth sentence is the keyword, in any case."""
    found = sentences(text)
    spoken = sentence_tokens(found[to.n - 1]) if len(found) >= to.n else []
    words = [token.lower() for token in spoken if any(char.isalnum() for char in token)]
    return len(words) >= to.m and words[to.m - 1] == to.keyword.lower()


def start_end(text: str, _: Nothing) -> bool:
    """The first of two or more Treebank tokens is the last, in any case; both may be punctuation."""
    found = tokens(text)
    return len(found) > 1 and found[0].lower() == found[-1].lower()


def start_end_strict(text: str, _: Nothing) -> bool:
    """The text starts and ends with the same word, and nothing but letters and digits is at its ends."""
    words = re.findall(r"\w+(?:['’-]\w+)*", text.lower())
    body = text.strip().lower()
    return len(words) > 1 and words[0] == words[-1] and body.startswith(words[0]) and body.endswith(words[0])


def letter_counting(text: str, to: LetterCount) -> bool:
    """Less than or at least so many letters a to z."""
    return compare(sum("a" <= char <= "z" or "A" <= char <= "Z" for char in text), to.relation, to.N)
