"""Split a text into sentences by rules and small lists, with nothing to download.

A period, `?` or `!` before white space or a closing mark ends a sentence, whatever the case of the next word, unless it
ends an abbreviation, an initial or a number: the decisions of Punkt (Kiss and Strunk 2006), which the official checkers
use through NLTK. `punkt_sentences` goes astray where Punkt's English model does (after `e.g.`), `sentences` does not.
Punkt weighs the next word by how newspapers spell it; ours is a short list. Left out: other languages.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from verifiers.instructions.lists import ABBREVIATIONS, PUNKT_ABBREVIATIONS, STARTERS, TITLES
from verifiers.instructions.verbs import is_verb

SPACED = re.compile(r"\S+")
MARK = re.compile(r"[.?!](?=[)\";}\]*:@'({\[?!])|[.?!]$")
CLOSING = re.compile(r"[\"')\]}]+(?:\s+|(?=--)|$)", re.MULTILINE)
NUMBER = re.compile(r"-?[.,]?\d[\d,.-]*")
BREAK = re.compile(r"[()\[\]{}\";:*@?!]+|(?=')")
START = re.compile(r"\S\w*")
LONGEST_WORD = INDENT = 40
INSIDE = frozenset(";:,.!?")
"""Marks that a sentence does not start with."""


class Period(NamedTuple):
    """The word that a period ends, without it, and the word that follows."""

    word: str
    following: str
    opens_line: bool

    def starts_sentence(self) -> bool:
        """The next word is a common one with a capital."""
        return self.following[:1].isupper() and self.following.lower() in STARTERS

    def goes_on(self) -> bool:
        """The next word is no capital, or a capital that may be a name's."""
        first, word = self.following[:1], self.following.lower()
        return first.islower() or first in INSIDE or (first.isupper() and word not in STARTERS and not is_verb(word))


def sentences(text: str) -> list[str]:
    """The sentences in order, trimmed of white space; closing quotes and brackets stay with their sentence."""
    return _split(text, _ends)


def punkt_sentences(text: str) -> list[str]:
    """The sentences as NLTK's Punkt would have them."""
    return _split(text, _ends_for_punkt)


def _split(text: str, ends: Callable[[Period], bool]) -> list[str]:
    """Cut after the last mark of a word if any mark in it ends a sentence, and after a mark that starts a word."""
    found, start = [], 0
    words = list(SPACED.finditer(text))
    for word, following in zip(words, [*words[1:], None], strict=False):
        for end in _cuts(text, word, following[0] if following else "", ends):
            rest = following.start() if following and end == word.end() else end
            closing = CLOSING.match(text, rest)
            found.append(text[start : closing.end() if closing else end].strip())
            start = closing.end() if closing else rest
    return [sentence for sentence in [*found, text[start:].strip()] if sentence]


def _cuts(text: str, word: re.Match[str], following: str, ends: Callable[[Period], bool]) -> list[int]:
    """Where to cut the text at a word: nowhere, after its last mark, or after a first character that is a mark too."""
    marks = [mark.start() for mark in MARK.finditer(word[0]) if following or mark.start() + 1 < len(word[0])]
    if not marks:
        return []
    opens_line = text[max(word.start() - INDENT, 0) : word.start()].strip(" \t")[-1:] in ("", "\n")
    cut = any(_ends_at(word[0], mark, following, opens_line, ends) for mark in marks)
    places = [marks[-1]] if cut else []
    if marks[0] == 0 < marks[-1]:
        places.insert(0, 0)
    return [word.start() + place + 1 for place in places]


def _ends_at(word: str, mark: int, following: str, opens_line: bool, ends: Callable[[Period], bool]) -> bool:
    """Whether the mark ends a sentence."""
    if word[mark] != ".":
        return True
    found = START.match(word, mark + 1) or START.match(following)
    following = found[0] if found else ""
    stem = BREAK.split(word[max(mark - LONGEST_WORD, 0) : mark])[-1].lstrip("&#`,-")
    if stem.endswith("."):
        return following[:1].isupper()
    if NUMBER.fullmatch(stem):
        return not (following[:1].islower() or following[:1] in INSIDE)
    return ends(Period(stem, following, opens_line))


def _ends(at: Period) -> bool:
    """After an initial a name goes on, after a title too, and after an abbreviation all but a common word."""
    if len(at.word) == 1 and at.word.isalpha():
        return not at.goes_on()
    if at.word.lower() in TITLES:
        return False
    return at.starts_sentence() if is_known(at.word, ABBREVIATIONS) else True


def _ends_for_punkt(at: Period) -> bool:
    """The same, but titles are like other abbreviations, some initials too, and others that open a line are numbers."""
    if is_known(at.word, PUNKT_ABBREVIATIONS):
        return len(at.word) > 1 and at.starts_sentence()
    if len(at.word) == 1 and at.word.isalpha():
        return not at.goes_on() or (at.opens_line and at.following[:1].isupper() and len(at.following) > 1)
    return True


def is_known(word: str, known: frozenset[str]) -> bool:
    """The word, or its part after the last hyphen, is in the list."""
    return word.lower() in known or word.lower().rpartition("-")[2] in known
