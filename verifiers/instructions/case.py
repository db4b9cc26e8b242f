"""Constraints on capital letters: `change_case:*`.

The official rules for all-capital and all-lowercase text ask langdetect for English. It is unsure of short texts and it
skips capitals, so on a few words its answer is arbitrary (though always the same here). A trainer on short responses
wants `compat: strict`, which asks it only of text long enough to tell, and of capitals in lower case.
"""

import re

from verifiers.instructions.arguments import CapitalFrequency, Nothing
from verifiers.instructions.language import language_of
from verifiers.instructions.text import compare, tokens

LETTERS_TO_TELL = 60
"""Of English texts, langdetect calls a third foreign at 10 to 20 letters and one in a hundred at 60; of the same in
capitals, two thirds and one in ten."""

CAPITAL_WORD = re.compile(r"(?<![^\W_])[^\W\d_]{2,}(?:-[^\W\d_]+)*(?![^\W_])")


def capital_word_frequency(text: str, to: CapitalFrequency) -> bool:
    """Less than or at least so many Treebank tokens in capitals: `I`, `A1` and the `N'T` of `CAN'T` count."""
    return compare(sum(token.isupper() for token in tokens(text)), to.capital_relation, to.capital_frequency)


def capital_word_frequency_strict(text: str, to: CapitalFrequency) -> bool:
    """Less than or at least so many words of two or more letters, all capital."""
    count = sum(word.isupper() for word in CAPITAL_WORD.findall(text))
    return compare(count, to.capital_relation, to.capital_frequency)


def english_capital(text: str, _: Nothing) -> bool:
    """No lowercase letter, some capital one, and langdetect says English or nothing."""
    return text.isupper() and language_of(text) in ("en", None)


def english_capital_strict(text: str, _: Nothing) -> bool:
    """No lowercase letter, some capital one, and not known to be another language."""
    return text.isupper() and may_be_english(text)


def english_lowercase(text: str, _: Nothing) -> bool:
    """No capital letter, some lowercase one, and langdetect says English or nothing."""
    return text.islower() and language_of(text) in ("en", None)


def english_lowercase_strict(text: str, _: Nothing) -> bool:
    """No capital letter, some lowercase one, and not known to be another language."""
    return text.islower() and may_be_english(text)


def may_be_english(text: str) -> bool:
    """Latin letters, and English where there are enough of them to tell."""
    letters = [char for char in text.lower() if char.isalpha()]
    latin = sum("a" <= char <= "z" for char in letters)
    if latin < 0.9 * len(letters):
        return False
    return len(letters) < LETTERS_TO_TELL or language_of(text.lower()) == "en"
