"""Constraints on what each sentence holds, or on how sentences grow: `sentence:*`."""

from itertools import pairwise

from verifiers.instructions.arguments import Nothing, SmallNumber, WordInSentence
from verifiers.instructions.plain import plain_sentences
from verifiers.instructions.sentences import sentences
from verifiers.instructions.text import NO_PUNCTUATION, PUNCTUATION, spaced_words, whole_word


def alliteration_increment(text: str, _: Nothing) -> bool:
    """Each sentence has more words in runs with the same first character than the one before."""
    counts = [alliterating(sentence) for sentence in plain_sentences(text)]
    return all(one < other for one, other in pairwise(counts))


def alliteration_increment_strict(text: str, _: Nothing) -> bool:
    """The same for the longest run, from two words in the first of two or more sentences."""
    lengths = [longest_run(sentence) for sentence in sentences(text)]
    return len(lengths) > 1 and lengths[0] > 1 and all(one < other for one, other in pairwise(lengths))


def firsts(sentence: str) -> list[str]:
    """The first character of each word after its leading punctuation."""
    words = (word.lstrip(PUNCTUATION + " ") for word in sentence.lower().split())
    return [word[0] for word in words if word]


def alliterating(sentence: str) -> int:
    """How many words stand in runs of two or more that start alike."""
    letters = firsts(sentence)
    alike = [one == other for one, other in pairwise(letters)]
    starts = sum(same and not before for before, same in pairwise([False, *alike]))
    return sum(alike) + starts


def longest_run(sentence: str) -> int:
    """The length of the longest run of words that start alike."""
    longest = run = 0
    last = ""
    for letter in firsts(sentence):
        run = run + 1 if letter == last else 1
        longest, last = max(longest, run), letter
    return longest


def keyword(text: str, to: WordInSentence) -> bool:
    """The Nth sentence holds the word, in any case, inside a longer word too."""
    found = plain_sentences(text)
    return len(found) >= to.N and to.word.lower() in found[to.N - 1].lower()


def keyword_strict(text: str, to: WordInSentence) -> bool:
    """The Nth sentence holds the word as a whole word, in any case."""
    found = sentences(text)
    return len(found) >= to.N and whole_word(to.word).search(found[to.N - 1]) is not None


def increment(text: str, to: SmallNumber) -> bool:
    """Each sentence has exactly so many words more than the one before."""
    counts = [len(sentence.translate(NO_PUNCTUATION).split()) for sentence in plain_sentences(text)]
    return all(other - one == to.small_n for one, other in pairwise(counts))


def increment_strict(text: str, to: SmallNumber) -> bool:
    """The same, for two sentences at least."""
    counts = [len(spaced_words(sentence)) for sentence in sentences(text)]
    return len(counts) > 1 and all(other - one == to.small_n for one, other in pairwise(counts))
