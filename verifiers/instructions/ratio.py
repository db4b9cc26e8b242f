"""Constraints on proportions: stop words, kinds of sentences, overlap with a text (`ratio:*`)."""

from collections import Counter

from verifiers.instructions.arguments import Nothing, Overlap, Percentage
from verifiers.instructions.lists import STOP_WORDS
from verifiers.instructions.plain import plain_sentences
from verifiers.instructions.sentences import sentences
from verifiers.instructions.text import RUN_OF_WORD_CHARACTERS, bare, spaced_words

TOLERANCE = 2


def stop_words(text: str, to: Percentage) -> bool:
    """At most so many percent of the runs of word characters are stop words."""
    words = RUN_OF_WORD_CHARACTERS.findall(text.lower())
    return bool(words) and 100 * sum(word in STOP_WORDS for word in words) / len(words) <= to.percentage


def sentence_type(text: str, _: Nothing) -> bool:
    """Twice as many sentences end in `.` as in `?`; none of either passes."""
    ends = endings(plain_sentences(text))
    return ends["."] == 2 * ends["?"]


def sentence_type_strict(text: str, _: Nothing) -> bool:
    """The same, with a question at least; closing quotes and brackets aside."""
    ends = endings(unquoted(text))
    return ends["."] == 2 * ends["?"] > 0


def sentence_balance(text: str, _: Nothing) -> bool:
    """As many sentences end in `.` as in `?` and in `!`; none at all passes."""
    ends = endings(plain_sentences(text))
    return ends["."] == ends["?"] == ends["!"]


def sentence_balance_strict(text: str, _: Nothing) -> bool:
    """The same, with one of each at least; closing quotes and brackets aside."""
    ends = endings(unquoted(text))
    return ends["."] == ends["?"] == ends["!"] > 0


def endings(found: list[str]) -> Counter[str]:
    """How many sentences end in each character."""
    return Counter(sentence[-1:] for sentence in found)


def unquoted(text: str) -> list[str]:
    """The sentences without the quotes, brackets and asterisks after their last mark."""
    return [sentence.rstrip("\"'”’)]}*_ ") for sentence in sentences(text)]


def overlap(text: str, to: Overlap) -> bool:
    """Of the different runs of three characters, the given percentage, within two points, is in the reference too."""
    ours, theirs = trigrams(text), trigrams(to.reference_text)
    return bool(ours) and abs(len(ours & theirs) / len(ours) * 100 - to.percentage) <= TOLERANCE


def trigrams(text: str) -> set[str]:
    return {text[start : start + 3] for start in range(len(text) - 2)}


def sentence_words(text: str, _: Nothing) -> bool:
    """Three sentences of equal length in characters."""
    return equal_thirds(plain_sentences(text))


def sentence_words_strict(text: str, _: Nothing) -> bool:
    """The same, and no word stands twice."""
    words = [bare(word).lower() for word in spaced_words(text)]
    return equal_thirds(sentences(text)) and len(words) == len(set(words))


def equal_thirds(found: list[str]) -> bool:
    return len(found) == 3 and len({len(sentence) for sentence in found}) == 1
