"""Constraints on the first and last word of the text or of each sentence: `first_word:*` and `last_word:*`."""

import re

from verifiers.instructions.arguments import FirstWord, LastWord
from verifiers.instructions.plain import plain_sentences
from verifiers.instructions.text import bare, spaced_words

NOT_WORD = re.compile(r"[^\w\s]")


def first_word_sent(text: str, to: FirstWord) -> bool:
    """Each sentence's first word, with its punctuation, is the word, in any case."""
    return all(sentence.lower().split()[:1] == [to.first_word.lower()] for sentence in plain_sentences(text))


def first_word_sent_strict(text: str, to: FirstWord) -> bool:
    """The same, the punctuation around it aside."""
    found = [spaced_words(sentence.lower()) for sentence in plain_sentences(text)]
    worded = [words for words in found if words]
    return bool(worded) and all(bare(words[0]) == to.first_word.lower() for words in worded)


def first_word_answer(text: str, to: FirstWord) -> bool:
    """The text's first word, with its punctuation, is the word, in any case."""
    return text.lower().split()[:1] == [to.first_word.lower()]


def first_word_answer_strict(text: str, to: FirstWord) -> bool:
    """The same, the punctuation around it aside."""
    return [bare(word) for word in spaced_words(text.lower())[:1]] == [to.first_word.lower()]


def last_word_sent(text: str, to: LastWord) -> bool:
    """Each sentence's last word, all its punctuation deleted, is the word, in any case."""
    ends = [sentence.split()[-1:] for sentence in plain_sentences(text)]
    return all(end and NOT_WORD.sub("", end[0]).lower() == to.last_word.lower() for end in ends)


def last_word_sent_strict(text: str, to: LastWord) -> bool:
    """The same for sentences that hold a word."""
    found = [spaced_words(sentence.lower()) for sentence in plain_sentences(text)]
    worded = [words for words in found if words]
    return bool(worded) and all(bare(words[-1]) == to.last_word.lower() for words in worded)


def last_word_answer(text: str, to: LastWord) -> bool:
    """The text's last word, all its punctuation deleted, is the word, in any case."""
    return NOT_WORD.sub("", text.split()[-1]).lower() == to.last_word.lower()
