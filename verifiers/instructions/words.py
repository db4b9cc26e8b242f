"""Constraints on every word, or on words in their places: `words:*`."""

import re
import string
from collections import Counter
from itertools import pairwise

from verifiers.instructions.arguments import Keyword, Nothing, SmallNumber
from verifiers.instructions.plain import plain_sentences
from verifiers.instructions.sentences import sentences
from verifiers.instructions.syllables import syllables
from verifiers.instructions.text import NO_PUNCTUATION, PUNCTUATION, bare, spaced_words, tokens
from verifiers.instructions.verbs import is_verb

LETTERS = string.ascii_lowercase
CLUSTER = re.compile(r"[bcdfghjklmnpqrstvwxyz]{2}")
PRIMES = frozenset({2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97})


def unpunctuated(text: str) -> list[str]:
    """Words in lower case after ASCII punctuation is deleted: `don't` is `dont`, `a-b` is `ab`."""
    return text.lower().translate(NO_PUNCTUATION).split()


def alphabet(text: str, _: Nothing) -> bool:
    """Each word starts with the letter after that of the word before, `a` after `z`."""
    firsts = [word[0] for word in unpunctuated(text)]
    if not firsts or firsts[0] not in LETTERS:
        return False
    start = LETTERS.index(firsts[0])
    return all(first == LETTERS[(start + place) % 26] for place, first in enumerate(firsts))


def vowel(text: str, _: Nothing) -> bool:
    """One paragraph with at most three different vowels."""
    return "\n" not in text.strip() and len(set("aeiou") & set(text.lower())) <= 3


def consonants(text: str, _: Nothing) -> bool:
    """Each word, a lone dash too, has two consonants in a row."""
    return all(CLUSTER.search(word) for word in text.lower().split())


def consonants_strict(text: str, _: Nothing) -> bool:
    """Each word with a letter has two consonants in a row, and there is a word."""
    words = [word for word in text.lower().split() if any(char.isalpha() for char in word)]
    return bool(words) and all(CLUSTER.search(word) for word in words)


def palindromes(text: str) -> list[str]:
    return [word for word in unpunctuated(text) if len(word) >= 5 and word == word[::-1]]


def palindrome(text: str, _: Nothing) -> bool:
    """Ten words of five or more characters that read the same backwards; repeats count."""
    return len(palindromes(text)) >= 10


def palindrome_strict(text: str, _: Nothing) -> bool:
    """Ten different ones, of letters, that are no run of one letter."""
    return sum(word.isalpha() and len(set(word)) > 1 for word in set(palindromes(text))) >= 10


def prime_lengths(text: str, _: Nothing) -> bool:
    """Every word's length is a prime below 100; punctuation alone passes."""
    return all(len(word) in PRIMES for word in unpunctuated(text))


def prime_lengths_strict(text: str, to: Nothing) -> bool:
    """The same, and there is a word."""
    return bool(unpunctuated(text)) and prime_lengths(text, to)


def start_verb(text: str, _: Nothing) -> bool:
    """The first word is a form of a common English verb."""
    return is_verb(tokens(text.split(maxsplit=1)[0])[0].lower())


def repeats(text: str, to: SmallNumber) -> bool:
    """No word occurs more than so many times."""
    return max(Counter(unpunctuated(text)).values(), default=0) <= to.small_n


def odd_even_syllables(text: str, _: Nothing) -> bool:
    """Words with odd and even numbers of syllables take turns."""
    parities = [syllables(word) % 2 for word in unpunctuated(text)]
    return all(one != other for one, other in pairwise(parities))


def last_first(text: str, _: Nothing) -> bool:
    """Each sentence's last word is the next one's first."""
    for one, other in pairwise(plain_sentences(text)):
        last, first = one.rstrip(PUNCTUATION + " ").split(), other.lstrip(PUNCTUATION + " ").split()
        if not last or not first or last[-1].lower() != first[0].lower():
            return False
    return True


def last_first_strict(text: str, _: Nothing) -> bool:
    """The same with the punctuation around both words dropped, for two sentences at least."""
    split = [spaced_words(sentence.lower()) for sentence in sentences(text)]
    pairs = list(pairwise([words for words in split if words]))
    return bool(pairs) and all(bare(one[-1]) == bare(other[0]) for one, other in pairs)


def paragraph_last_first(text: str, _: Nothing) -> bool:
    """Each line with a word ends with the word that it starts with."""
    lines = (bare(line.strip()).lower().split() for line in text.split("\n"))
    return all(words[0] == words[-1] for words in lines if words)


def paragraph_last_first_strict(text: str, _: Nothing) -> bool:
    """The same, punctuation at both words dropped, for lines of two words at least."""
    lines = [[bare(word) for word in spaced_words(line.lower())] for line in text.split("\n")]
    filled = [words for words in lines if words]
    return bool(filled) and all(len(words) > 1 and words[0] == words[-1] for words in filled)


def no_consecutive(text: str, _: Nothing) -> bool:
    """No two words in a row start with the same character."""
    return all(one[0] != other[0] for one, other in pairwise(unpunctuated(text)))


def words_position(text: str, to: Keyword) -> bool:
    """The second Treebank token and the last but one are the keyword, in this case; a final mark is a token."""
    found = tokens(text)
    return len(found) >= 2 and found[1] == found[-2] == to.keyword


def words_position_strict(text: str, to: Keyword) -> bool:
    """The second word and the last but one are the keyword, and they are not the same word."""
    words = [bare(word).lower() for word in spaced_words(text)]
    return len(words) >= 4 and words[1] == words[-2] == to.keyword.lower()
