"""Constraints on how many sentences, paragraphs and words there are: `length_constraints:*` and `paragraphs:*`."""

import re

from verifiers.instructions.arguments import Nothing, NumberOfWords, ParagraphFirstWord, Paragraphs, Sentences
from verifiers.instructions.sentences import punkt_sentences, sentences
from verifiers.instructions.text import compare, count_words, spaced_words

DIVIDER = re.compile(r"\s?\*\*\*\s?")
WORD_ENDS = frozenset(".,?!'\"")


def number_sentences(text: str, to: Sentences) -> bool:
    """Less than or at least so many sentences."""
    return compare(len(punkt_sentences(text)), to.relation, to.num_sentences)


def number_sentences_strict(text: str, to: Sentences) -> bool:
    """The same, where a sentence holds at least one letter: `! ! !` and `1.` are none."""
    count = sum(any(char.isalpha() for char in sentence) for sentence in sentences(text))
    return compare(count, to.relation, to.num_sentences)


def number_paragraphs(text: str, to: Paragraphs) -> bool:
    """Exactly so many paragraphs between `***`; only the first and the last may be empty, and then do not count."""
    return divided(text) == to.num_paragraphs


def divided(text: str) -> int:
    """How many paragraphs `***` parts; -1 when one in the middle is empty."""
    filled = [bool(part.strip()) for part in DIVIDER.split(text)]
    return sum(filled) if all(filled[1:-1]) else -1


def number_paragraphs_strict(text: str, to: Paragraphs) -> bool:
    """The same, with `***` on lines of their own and a word in every paragraph."""
    parts = re.split(r"^[^\S\n]*\*{3}[^\S\n]*$", text, flags=re.MULTILINE)
    edges = {0, len(parts) - 1}
    kept = [part for place, part in enumerate(parts) if part.strip() or place not in edges]
    return len(kept) == to.num_paragraphs and all(spaced_words(part) for part in kept)


def number_words(text: str, to: NumberOfWords) -> bool:
    """Less than or at least so many runs of word characters: `don't` is two words."""
    return compare(count_words(text), to.relation, to.num_words)


def number_words_strict(text: str, to: NumberOfWords) -> bool:
    """Less than or at least so many words between white space: `don't` and `a-b-c` are one."""
    return compare(len(spaced_words(text)), to.relation, to.num_words)


def nth_paragraph_first_word(text: str, to: ParagraphFirstWord) -> bool:
    """So many paragraphs between blank lines, and the nth, blank ones counted for n only, starts with the word."""
    paragraphs = text.split("\n\n")
    count = sum(bool(paragraph.strip()) for paragraph in paragraphs)
    if count != to.num_paragraphs:
        return False
    words = paragraphs[to.nth_paragraph - 1].split(maxsplit=1)
    if not words:
        return False
    word = words[0].lstrip("'").lstrip('"').lower()
    end = next((place for place, char in enumerate(word) if char in WORD_ENDS), len(word))
    return word[:end] == to.first_word.lower()


def nth_paragraph_first_word_strict(text: str, to: ParagraphFirstWord) -> bool:
    """The same, where blank paragraphs never count and any punctuation around the word is dropped."""
    paragraphs = [paragraph for paragraph in re.split(r"\n[^\S\n]*\n", text) if paragraph.strip()]
    if len(paragraphs) != to.num_paragraphs:
        return False
    word = re.search(r"\w+(?:['’-]\w+)*", paragraphs[to.nth_paragraph - 1])
    return word is not None and word[0].lower() == to.first_word.lower()


def paragraphs(text: str, _: Nothing) -> bool:
    """Two paragraphs between `***`."""
    return divided(text) == 2


def paragraphs_strict(text: str, _: Nothing) -> bool:
    """Two paragraphs with a word each, and `***` on a line of its own between them."""
    return number_paragraphs_strict(text, Paragraphs(num_paragraphs=2))


def paragraphs2(text: str, _: Nothing) -> bool:
    """Two paragraphs between blank lines; only the first and the last may be empty, and then do not count."""
    filled = [bool(part.strip()) for part in text.split("\n\n")]
    return all(filled[1:-1]) and sum(filled) == 2


def paragraphs2_strict(text: str, _: Nothing) -> bool:
    """Two paragraphs with a word each between blank lines."""
    parts = [part for part in re.split(r"\n[^\S\n]*\n", text) if part.strip()]
    return len(parts) == 2 and all(spaced_words(part) for part in parts)
