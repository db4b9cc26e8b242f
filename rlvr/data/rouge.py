"""ROUGE-L of two texts, and of texts against a whole pool: bit for bit what the `rouge-score` package gives, and fast.

Lin (2004), sentence level: the F-measure of the longest common subsequence of words. Words are runs of `a-z0-9` in the
lower-cased text, as there; so a text without any scores 0 with everything, itself included.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import LCSseq

Floats = np.ndarray[Any, np.dtype[np.float64]]

WORD = re.compile(r"[a-z0-9]+")
STEM_ABOVE = 3
"""Shorter words are never stemmed."""


def words(text: str, stem: bool = False) -> list[str]:
    """The words that are compared. `stem` reduces them by Porter's algorithm, in NLTK's version."""
    found = WORD.findall(text.lower())
    return [_stem(word) if len(word) > STEM_ABOVE else word for word in found] if stem else found


def rouge_l(a: str, b: str, stem: bool = False) -> float:
    """ROUGE-L F-measure in [0, 1]; the order of the two does not matter."""
    left, right = words(a, stem), words(b, stem)
    return f_measure(LCSseq.similarity(left, right), len(left), len(right))


def f_measure(common: int, a: int, b: int) -> float:
    """Of texts of `a` and `b` words with a common subsequence of `common`."""
    if not common:
        return 0.0
    precision, recall = common / a, common / b
    return 2 * precision * recall / (precision + recall)


class Pool:
    """Texts that others are compared with, all at once: millions of pairs a second on one core."""

    def __init__(self, texts: Iterable[str] = (), stem: bool = False) -> None:
        self.stem = stem
        self._ids: dict[str, str] = {}
        self._texts: list[str] = []
        for text in texts:
            self.add(text)

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, text: str) -> None:
        """Raises ValueError when the pool holds more different words than there are characters (1,114,111)."""
        # A character stands for a word: the fastest sequences to compare.
        self._texts.append("".join(self._ids.setdefault(w, chr(len(self._ids) + 1)) for w in words(text, self.stem)))

    def similarities(self, texts: Sequence[str], workers: int = 1) -> Floats:
        """ROUGE-L of each text with each of the pool, in the order of addition: `(len(texts), len(pool))`."""
        asked = [self._encode(text) for text in texts]
        common = process.cdist(asked, self._texts, scorer=LCSseq.similarity, dtype=np.int32, workers=workers)
        # The same operations in the same order as `f_measure`, so that the last bit agrees.
        with np.errstate(divide="ignore", invalid="ignore"):
            precision = common / np.array([len(text) for text in asked]).reshape(-1, 1)
            recall = common / np.array([len(text) for text in self._texts])
            score = 2 * precision * recall / (precision + recall)
        return np.where(common > 0, score, 0.0)

    def _encode(self, text: str) -> str:
        """Words that the pool does not have are all the character 0: they match nothing."""
        return "".join(self._ids.get(word, "\0") for word in words(text, self.stem))


@lru_cache(maxsize=1 << 16)
def _stem(word: str) -> str:
    return str(_stemmer().stem(word))


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    from nltk.stem.porter import PorterStemmer  # only on request: NLTK is large

    return PorterStemmer()
