"""Duplicates among texts: the first of each kind stays. Exact ones, and near ones by ROUGE-L.

The ROUGE-L comparison is exact, not sampled: a text is compared with those that share one of its rarest words and
could still reach the threshold (prefix and positional filters: Chaudhuri et al. 2006, Xiao et al. 2008), which is a
small share of all pairs. Beyond some 100,000 texts `minhash.near` is the one to take. Leaves out: embeddings.
"""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence

from rapidfuzz.distance import LCSseq

from rlvr.data.rouge import f_measure, words
from rlvr.errors import UserError

Of = int | None
"""The index of the text that this one repeats; None for one that stays."""

_NO_BLANKS = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
"""Thai, Lao, Japanese, Chinese, Korean."""
TOKEN = re.compile(rf"[{_NO_BLANKS}]|[^\W{_NO_BLANKS}]+")

SLACK = 1e-9
"""Bounds are loosened by this much, so that rounding never drops a pair."""


def normal(text: str) -> str:
    """What exact duplicates have in common: NFKC, lower case, one blank between words."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip().casefold()


def compared(text: str) -> list[str]:
    """The words that near duplicates are told by: ROUGE's, which are Latin letters and digits. Of a text that is mostly
    of other letters its own, and each character of a script without blanks."""
    known, letters = words(text), sum(map(str.isalnum, text))
    return known if 2 * sum(map(len, known)) >= letters else TOKEN.findall(normal(text))


def exact(texts: Sequence[str]) -> list[Of]:
    """For each text the first one with the same normal form, None for that one itself."""
    first: dict[str, int] = {}
    found = [first.setdefault(normal(text), i) for i, text in enumerate(texts)]
    return [None if at == i else at for i, at in enumerate(found)]


def near(texts: Sequence[str], threshold: float = 0.7) -> list[Of]:
    """For each text the first one that stays and is more similar than `threshold` in (0, 1), by ROUGE-L."""
    if not 0 < threshold < 1:
        raise UserError(f"threshold: expected a number between 0 and 1, got {threshold}")
    sequences = [compared(text) for text in texts]
    index = _Index(threshold)
    found: list[Of] = []
    for i, (sequence, bag) in enumerate(zip(sequences, _bags(sequences), strict=True)):
        like = index.candidates(bag)
        twin = next((j for j in like if _similarity(sequence, sequences[j]) > threshold), None)
        if twin is None:
            index.add(i, bag)
        found.append(twin)
    return found


def _similarity(a: list[str], b: list[str]) -> float:
    return f_measure(LCSseq.similarity(a, b), len(a), len(b))


def _bags(sequences: Sequence[list[str]]) -> list[list[int]]:
    """Each text's words as sorted ranks, the rarest first; a text's second `the` is another word than its first."""
    numbered = [_numbered(sequence) for sequence in sequences]
    counts = Counter(word for bag in numbered for word in bag)
    rank = {word: i for i, (word, _) in enumerate(sorted(counts.items(), key=lambda item: (item[1], item[0])))}
    return [sorted(rank[word] for word in bag) for bag in numbered]


def _numbered(sequence: list[str]) -> list[tuple[str, int]]:
    seen: Counter[str] = Counter()
    bag = []
    for word in sequence:
        bag.append((word, seen[word]))
        seen[word] += 1
    return bag


class _Index:
    """Bags by their rarest words.

    F > t needs more than t/2 (|x| + |y|) words in common, and so |y| > t/(2-t) |x|. Two bags with that many in common
    share one among their |x| - t/(2-t) |x| + 1 rarest.
    """

    def __init__(self, threshold: float) -> None:
        self.half = threshold / 2
        self.least = threshold / (2 - threshold)
        self.posted: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        """Rank of a word -> (text, place of the word in its bag, size of the bag)."""

    def add(self, text: int, bag: list[int]) -> None:
        for place, word in enumerate(self._prefix(bag)):
            self.posted[word].append((text, place, len(bag)))

    def candidates(self, bag: list[int]) -> list[int]:
        """Texts that may be similar enough, in the order of addition; none that is similar enough is missing."""
        size = len(bag)
        low, high = self.least * size - SLACK, size / self.least + SLACK
        common: dict[int, int] = {}
        for place, word in enumerate(self._prefix(bag)):
            for text, at, other in self.posted.get(word, ()):
                shared = common.get(text, 0)
                if shared < 0 or not low <= other <= high:
                    continue
                most = shared + min(size - place, other - at)
                common[text] = shared + 1 if most >= self.half * (size + other) - SLACK else -1
        return sorted(text for text, shared in common.items() if shared > 0)

    def _prefix(self, bag: list[int]) -> list[int]:
        return bag[: len(bag) - math.ceil(self.least * len(bag) - SLACK) + 1]
