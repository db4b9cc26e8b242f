"""Constraints that count words, names, numbers and marks: `count:*`."""

import re

from verifiers.instructions.arguments import (
    Composition,
    FiveKeywords,
    Nothing,
    Number,
    Place,
    SmallNumber,
    TwoKeywords,
    WordRange,
)
from verifiers.instructions.length import DIVIDER
from verifiers.instructions.lists import CONJUNCTIONS, NAMES, OTHER_PRONOUNS, PERSONAL_PRONOUNS
from verifiers.instructions.plain import plain_sentences
from verifiers.instructions.text import (
    NO_PUNCTUATION,
    bare,
    count_matches,
    count_words,
    pattern_of,
    spaced_words,
    tokens,
    whole_word,
)

NAME = re.compile(r"\b(?:" + "|".join(sorted(NAMES)) + r")\b")
DIGITS = re.compile(r"\d+")
NUMERAL = re.compile(r"(?<![\w.])\d+(?:[.,]\d+)*(?!\w)")
JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
LOWERCASE = re.compile(r"\b[a-z]+\b")
MARKS = frozenset(".,!?;:")
TIMES = (1, 2, 3, 5, 7)


def word_count_range(text: str, to: WordRange) -> bool:
    """From so many to so many runs of word characters."""
    return to.min_words <= count_words(text) <= to.max_words


def word_count_range_strict(text: str, to: WordRange) -> bool:
    """From so many to so many words between white space."""
    return to.min_words <= len(spaced_words(text)) <= to.max_words


def unique_word_count(text: str, to: Number) -> bool:
    """At least so many different words, case and outer punctuation aside; punctuation alone is one word."""
    return len({bare(word) for word in text.lower().split()}) >= to.N


def unique_word_count_strict(text: str, to: Number) -> bool:
    """The same, where a word holds a letter or a digit."""
    return len({bare(word) for word in spaced_words(text.lower())}) >= to.N


def conjunctions(text: str, to: SmallNumber) -> bool:
    """At least so many different spellings of coordinating conjunctions: `and`, `And` and `and,` are three."""
    return len({word for word in text.split() if bare(word).lower() in CONJUNCTIONS}) >= to.small_n


def conjunctions_strict(text: str, to: SmallNumber) -> bool:
    """At least so many different coordinating conjunctions."""
    return len({bare(word).lower() for word in text.split()} & CONJUNCTIONS) >= to.small_n


def person_names(text: str, to: Number) -> bool:
    """At least so many different names of the prompt's list, inside longer words too: `Leonardo` holds `Leo`."""
    return sum(name in text for name in NAMES) >= to.N


def person_names_strict(text: str, to: Number) -> bool:
    """At least so many different names of the prompt's list as whole words."""
    return len(set(NAME.findall(text))) >= to.N


def numbers(text: str, to: Number) -> bool:
    """Exactly so many runs of digits once ASCII punctuation is gone: `3.14` and `1,000` are one, so is `10-20`."""
    return sum(1 for _ in DIGITS.finditer(text.translate(NO_PUNCTUATION))) == to.N


def numbers_strict(text: str, to: Number) -> bool:
    """Exactly so many numbers that are words of their own: `10-20` is two, `B2` is none."""
    return sum(1 for _ in NUMERAL.finditer(text)) == to.N


def punctuation(text: str, _: Nothing) -> bool:
    """`?!`, `!?` or an interrobang, and besides it each of `. , ! ? ; :`."""
    if "?!" not in text and "!?" not in text and "‽" not in text:
        return False
    rest = text.replace("?!", "", 1) if "?!" in text else text.replace("!?", "", 1)
    return set(rest) >= MARKS


def words_japanese(text: str, to: Place) -> bool:
    """Every Nth word that is more than punctuation or digits holds kana or kanji; a shorter text passes."""
    nth = (bare(word) for word in text.split()[to.N - 1 :: to.N])
    return all(JAPANESE.search(word) for word in nth if word and not word.isdigit())


def words_japanese_strict(text: str, to: Place) -> bool:
    """Every Nth word holds kana or kanji, numbers too, and there is an Nth word; only words count."""
    nth = spaced_words(text)[to.N - 1 :: to.N]
    return bool(nth) and all(JAPANESE.search(word) for word in nth)


def pronouns(text: str, to: Number) -> bool:
    """At least so many personal, possessive and reflexive pronouns, ASCII punctuation deleted: `it's` is none."""
    words = text.replace("/", " ").lower().translate(NO_PUNCTUATION).split()
    return sum(word in PERSONAL_PRONOUNS for word in words) >= to.N


def pronouns_strict(text: str, to: Number) -> bool:
    """At least so many pronouns of any kind; `it's` is one."""
    found = tokens(text.replace("/", " ").lower())
    return sum(token in PERSONAL_PRONOUNS or token in OTHER_PRONOUNS for token in found) >= to.N


def keywords_multiple(text: str, to: FiveKeywords) -> bool:
    """The five keywords occur 1, 2, 3, 5 and 7 times, inside longer words too."""
    return all(text.lower().count(word.lower()) == times for word, times in zip(five(to), TIMES, strict=True))


def keywords_multiple_strict(text: str, to: FiveKeywords) -> bool:
    """The five keywords occur 1, 2, 3, 5 and 7 times as whole words."""
    return all(len(whole_word(word).findall(text)) == times for word, times in zip(five(to), TIMES, strict=True))


def five(to: FiveKeywords) -> list[str]:
    return [to.keyword1, to.keyword2, to.keyword3, to.keyword4, to.keyword5]


def lowercase_counting(text: str, to: Number) -> bool:
    """At most so many words of letters a to z alone."""
    return count_matches(LOWERCASE, text) <= to.N


def counting_composition(text: str, to: Composition) -> bool:
    """Three paragraphs between `***` of so many sentences of so many Treebank tokens; punctuation counts as a token."""
    parts = DIVIDER.split(text)
    spoken = [plain_sentences(part) for part in parts]
    return len(parts) == 3 and all(
        len(found) == to.n_sent and all(len(tokens(sentence)) == to.n_words for sentence in found) for found in spoken
    )


def counting_composition_strict(text: str, to: Composition) -> bool:
    """The same, where only words count and `* * *` parts paragraphs too."""
    spoken = [plain_sentences(part) for part in re.split(r"\*[^\S\n]?\*[^\S\n]?\*", text) if part.strip()]
    return len(spoken) == 3 and all(
        len(found) == to.n_sent and all(len(spaced_words(each)) == to.n_words for each in found) for found in spoken
    )


def count_unique(text: str, _: Nothing) -> bool:
    """No Treebank token occurs twice, in the same case; punctuation counts as a token."""
    found = tokens(text)
    return len(found) == len(set(found))


def count_unique_strict(text: str, _: Nothing) -> bool:
    """No word occurs twice, in any case, and there is a word."""
    words = [bare(word).lower() for word in spaced_words(text)]
    return bool(words) and len(words) == len(set(words))


def count_increment_word(text: str, to: TwoKeywords) -> bool:
    """The first keyword is found once and the second twice, inside longer words too."""
    return [count_matches(pattern_of(word), text) for word in (to.keyword1, to.keyword2)] == [1, 2]


def count_increment_word_strict(text: str, to: TwoKeywords) -> bool:
    """The first keyword stands once and the second twice as a whole word."""
    return [count_matches(whole_word(word), text) for word in (to.keyword1, to.keyword2)] == [1, 2]
