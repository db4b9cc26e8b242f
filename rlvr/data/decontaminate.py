"""Training data that repeat what a model will be judged on: find them, by n-grams, before anybody trains.

The rule is Tulu 3's (Lambert et al. 2024, section 3.2): an evaluation item is contaminated by a training document if
more than half of the item's words stand in n-grams of eight that this one document has too. The index is exact and
whole, so removal is certain: afterwards not one document above the threshold is left. Leaves out: paraphrases.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rlvr.errors import UserError

BREAKS = ',.?!:;()"-\\'
"""What separates words beside white space, as in the analyzer of the published index."""

WORDS, SHARE = 8, 0.5
"""The published length of an n-gram, and the share of an item's words that must not be exceeded."""
OFTEN = 32
"""An n-gram in more places than this is a stock phrase."""
TOUCHED = 0.02
"""A training set that touches a larger share of an evaluation set's items is contaminated as a whole (Tulu 3)."""


def words(text: str) -> list[str]:
    text = text.lower()
    for sign in BREAKS:
        text = text.replace(sign, " ")
    return text.split()


@dataclass(frozen=True, slots=True)
class Hit:
    """One document that holds too much of one item."""

    suite: str
    item: int
    document: int
    share: float
    """Of the item's words."""


@dataclass
class Suite:
    """What became of one evaluation set."""

    items: int
    digest: str
    """Of the items' texts, so that a report says what it was made against."""
    hits: list[Hit] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        touched = {hit.item for hit in self.hits}
        return {
            "items": self.items,
            "sha256": self.digest,
            "contaminated_items": len(touched),
            "contaminated_share": len(touched) / self.items,
            "contaminated": len(touched) > TOUCHED * self.items,
            "documents": len({hit.document for hit in self.hits}),
        }


@dataclass
class Report:
    """Of one training set against all evaluation sets."""

    words: int
    share: float
    documents: int
    suites: dict[str, Suite]

    @property
    def flagged(self) -> set[int]:
        """The documents to take out."""
        return {hit.document for suite in self.suites.values() for hit in suite.hits}

    def summary(self) -> dict[str, Any]:
        return {
            "ngram": self.words,
            "threshold": self.share,
            "documents": self.documents,
            "removed": len(self.flagged),
            "suites": {name: suite.summary() for name, suite in self.suites.items()},
        }


Gram = tuple[str, ...]


class Index:
    """The n-grams of evaluation sets. Training documents stream past it.

    An item shorter than an n-gram matches only a document of exactly the same words.
    """

    def __init__(self, suites: Mapping[str, Sequence[str]], ngram: int = WORDS, threshold: float = SHARE) -> None:
        if ngram < 1:
            raise UserError(f"ngram: expected a number of words above 0, got {ngram}")
        if not 0 <= threshold < 1:
            raise UserError(f"threshold: expected a share of at least 0 and below 1, got {threshold}")
        self.ngram, self.threshold = ngram, threshold
        self.suites = {name: Suite(len(texts), _digest(texts)) for name, texts in suites.items()}
        self._items: list[tuple[str, int, int]] = []
        """Suite, number in it, and words, of each item."""
        self._short: dict[Gram, list[int]] = defaultdict(list)
        self._places: dict[Gram, list[tuple[int, int]]] = defaultdict(list)
        """An n-gram -> item and position."""
        for name, texts in suites.items():
            for number, text in enumerate(texts):
                self._add(name, number, words(text))
        self._stock = self._take_stock_phrases()

    def _add(self, suite: str, number: int, found: list[str]) -> None:
        item = len(self._items)
        self._items.append((suite, number, len(found)))
        if 0 < len(found) < self.ngram:
            self._short[tuple(found)].append(item)
        for at, gram in enumerate(self._grams(found)):
            self._places[gram].append((item, at))

    def _grams(self, found: list[str]) -> Iterator[Gram]:
        return zip(*(found[at:] for at in range(self.ngram)), strict=False)

    def _take_stock_phrases(self) -> dict[int, list[tuple[Gram, int]]]:
        """Take n-grams that many items share out of the index where they alone cannot reach the threshold.

        A document then needs another one as well to be a hit, and so the item is found by that one. Without this,
        items and documents of one template would all be compared with each other.
        """
        stock: dict[int, list[tuple[Gram, int]]] = defaultdict(list)
        for gram, places in self._places.items():
            if len(places) > OFTEN:
                for item, at in places:
                    stock[item].append((gram, at))
        stock = {
            item: found for item, found in stock.items() if self._share(item, (at for _, at in found)) <= self.threshold
        }
        for gram in {gram for found in stock.values() for gram, _ in found}:
            self._places[gram] = [(item, at) for item, at in self._places[gram] if item not in stock]
        return stock

    def report(self, documents: Iterable[str]) -> Report:
        """Every document against every item."""
        suites = {name: Suite(suite.items, suite.digest) for name, suite in self.suites.items()}
        count = 0
        for count, text in enumerate(documents, start=1):
            for item, share in self._shares(words(text)):
                if share > self.threshold:
                    suite, number, _ = self._items[item]
                    suites[suite].hits.append(Hit(suite, number, count - 1, share))
        return Report(self.ngram, self.threshold, count, suites)

    def _shares(self, found: list[str]) -> Iterator[tuple[int, float]]:
        """Items that may be hits, and the share of their words that n-grams of the document cover."""
        grams = self._places.keys() & self._grams(found)
        starts: dict[int, list[int]] = defaultdict(list)
        for gram in grams:
            for item, at in self._places[gram]:
                starts[item].append(at)
        for item, places in sorted(starts.items()):
            yield item, self._share(item, [*places, *(at for gram, at in self._stock.get(item, ()) if gram in grams)])
        for item in self._short.get(tuple(found), ()):
            yield item, 1.0

    def _share(self, item: int, places: Iterable[int]) -> float:
        """Of the item's words, those in the n-grams that start at these places."""
        covered, end = 0, 0
        for start in sorted(places):
            covered += start + self.ngram - max(start, end)
            end = start + self.ngram
        return covered / self._items[item][2]


def _digest(texts: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(list(texts)).encode()).hexdigest()
