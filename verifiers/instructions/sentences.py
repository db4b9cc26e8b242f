"""Split a text into sentences by rules and small lists, with nothing to download.

`sentences` decides like Punkt (Kiss and Strunk 2006), which the official checkers use through NLTK: a period, `?` or
`!` before white space or a closing mark ends a sentence, whatever the case of the next word, unless it ends an
abbreviation, an initial or a number. Punkt learned its lists from newspapers; ours are short and written by hand.
Left out: other languages.
"""

import re

from verifiers.instructions.lists import ABBREVIATIONS, STARTERS, TITLES

CANDIDATE = re.compile(r"[.?!](?=[)\";}\]*:@'({\[?!]|\s+\S)")
CLOSING = re.compile(r"[\"')\]}]+(?:\s+|(?=--)|$)", re.MULTILINE)
NUMBER = re.compile(r"-?[.,]?\d[\d,.-]*")
WORD_BREAK = re.compile(r"[\s?!()\[\]{}\";:*@']")
LONGEST_WORD = 40
FOLLOWING = re.compile(r"\s*(\S)(\w*)")


def sentences(text: str) -> list[str]:
    """The sentences in order, trimmed of white space; closing quotes and brackets stay with their sentence."""
    found, start = [], 0
    for match in CANDIDATE.finditer(text):
        end = match.end()
        if end <= start or text[end] in "?!" or not _ends_sentence(text, start, end):
            continue
        closing = CLOSING.match(text, end) if not text[end].isspace() else CLOSING.match(text, _skip_space(text, end))
        end = closing.end() if closing else end
        found.append(text[start:end].strip())
        start = _skip_space(text, end)
    rest = text[start:].strip()
    return [*found, rest] if rest else found


def _skip_space(text: str, start: int) -> int:
    while start < len(text) and text[start].isspace():
        start += 1
    return start


def _ends_sentence(text: str, start: int, end: int) -> bool:
    """Whether the mark at `end - 1` ends the sentence that begins at `start`."""
    if text[end - 1] != ".":
        return True
    word = _word_before(text, start, end)
    following = FOLLOWING.match(text, end)
    first, rest = following.groups() if following else ("", "")
    if word.endswith(".."):
        return _starts_sentence(first, rest)
    stem = word[:-1].lower()
    if len(stem) == 1 and stem.isalpha():
        return not _goes_on_after_initial(word[0], first, rest)
    if NUMBER.fullmatch(stem):
        return not (first.islower() or first in ";:,.!?")
    if stem in TITLES:
        return False
    if stem in ABBREVIATIONS or stem.rpartition("-")[2] in ABBREVIATIONS:
        return _starts_sentence(first, rest)
    return True


def _word_before(text: str, start: int, end: int) -> str:
    """The word that the period at `end - 1` closes, period included; of a long word, its end."""
    return WORD_BREAK.split(text[max(start, end - LONGEST_WORD) : end])[-1].lstrip("&#`,-")


def _starts_sentence(first: str, rest: str) -> bool:
    return first.isupper() and (first + rest).lower() in STARTERS


def _goes_on_after_initial(initial: str, first: str, rest: str) -> bool:
    """After `J.` a name goes on, unless a common word follows; after `j.` only what is no capital goes on."""
    if first.islower() or first in ";:,.!?":
        return True
    return initial.isupper() and first.isupper() and (first + rest).lower() not in STARTERS
