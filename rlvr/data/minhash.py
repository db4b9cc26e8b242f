"""Near duplicates among very many texts: MinHash signatures in locality-sensitive bands, every candidate verified.

Broder (1997); bands after Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4. What is called a
duplicate is one (the Jaccard similarity of the word shingles is computed exactly); of the true ones at the threshold at
least 99% are found, and more above it.
"""

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from rlvr.data.duplicates import Of, compared
from rlvr.errors import UserError

Hashes = np.ndarray[Any, np.dtype[np.uint64]]

SHINGLE = 3
"""Words in a row that are compared as one."""
PERMUTATIONS = 128
RECALL = 0.99
"""Share of the pairs at the threshold that some band must bring together."""


def near(texts: Sequence[str], threshold: float = 0.7, seed: int = 0) -> list[Of]:
    """For each text the first one that stays and whose shingles agree by more than `threshold` (Jaccard), or None."""
    rows = bands(threshold)
    sets = _Shingles()
    multipliers, offsets = _permutations(seed)
    buckets: dict[bytes, list[int]] = defaultdict(list)
    kept: dict[int, Hashes] = {}
    found: list[Of] = []
    for i, text in enumerate(texts):
        shingles = sets.of(text)
        keys = list(_keys(_signature(shingles, multipliers, offsets), rows)) if len(shingles) else []
        candidates = sorted({j for key in keys for j in buckets[key]})
        twin = next((j for j in candidates if jaccard(shingles, kept[j]) > threshold), None)
        if twin is None:
            kept[i] = shingles
            for key in keys:
                buckets[key].append(i)
        found.append(twin)
    return found


def bands(threshold: float) -> int:
    """Rows a band: as many as still bring `RECALL` of the pairs at the threshold together."""
    if not 0 < threshold < 1:
        raise UserError(f"threshold: expected a number between 0 and 1, got {threshold}")
    good = [r for r in range(1, PERMUTATIONS + 1) if 1 - (1 - threshold**r) ** (PERMUTATIONS // r) >= RECALL]
    return max(good, default=1)


def jaccard(a: Hashes, b: Hashes) -> float:
    """Of two sets of shingles, as sorted arrays without repeats."""
    common = len(np.intersect1d(a, b, assume_unique=True))
    return common / (len(a) + len(b) - common) if common else 0.0


class _Shingles:
    """The shingles of a text as 64-bit hashes. A word is hashed once."""

    def __init__(self) -> None:
        self.hashes: dict[str, int] = {}
        odd = np.random.default_rng(SHINGLE).integers(1 << 62, size=SHINGLE, dtype=np.uint64) * np.uint64(2)
        self.factors = odd + np.uint64(1)

    def of(self, text: str) -> Hashes:
        """Sorted, without repeats; a text shorter than a shingle is one shingle."""
        found = np.array([self._hash(word) for word in compared(text)], dtype=np.uint64)
        width = min(SHINGLE, len(found))
        sums = np.zeros(len(found) - width + 1 if width else 0, dtype=np.uint64)
        for at in range(width):
            sums += found[at : at + len(sums)] * self.factors[at]
        return np.unique(_mixed(sums))

    def _hash(self, word: str) -> int:
        if word not in self.hashes:
            self.hashes[word] = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest())
        return self.hashes[word]


def _mixed(values: Hashes) -> Hashes:
    """Every bit depends on every bit: the end of SplitMix64 (Steele et al. 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _permutations(seed: int) -> tuple[Hashes, Hashes]:
    rng = np.random.default_rng(seed)
    multipliers = rng.integers(1 << 62, size=PERMUTATIONS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    return multipliers, rng.integers(1 << 63, size=PERMUTATIONS, dtype=np.uint64)


def _signature(shingles: Hashes, multipliers: Hashes, offsets: Hashes) -> Hashes:
    """The least of each permutation: `(PERMUTATIONS,)`. Multiply and add modulo 2^64, the upper half counts."""
    least: Hashes = ((shingles[:, None] * multipliers + offsets) >> np.uint64(32)).min(axis=0)
    return least


def _keys(signature: Hashes, rows: int) -> Iterable[bytes]:
    for band in range(math.floor(len(signature) / rows)):
        yield bytes([band]) + signature[band * rows : (band + 1) * rows].tobytes()
