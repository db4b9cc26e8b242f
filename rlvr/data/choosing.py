"""Choose few examples out of many: so many of each kind, good ones, and ones that differ from each other.

Examples are compared by TF-IDF vectors of their words, hashed to a fixed width (Weinberger et al. 2009), so that no
model is needed. Chosen is, again and again, the example with the greatest quality times distance to those chosen, to
the nearest and to all: the idea of DEITA (Liu et al. 2023), with a product in the place of its threshold.
"""

import math
import zlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rlvr.data.rouge import words
from rlvr.errors import UserError

Matrix = np.ndarray[Any, np.dtype[np.float32]]

WIDTH = 512
CROWDED = 4
"""How much the mean similarity to all that is chosen counts, beside that to the nearest."""


def vectors(texts: Sequence[str]) -> Matrix:
    """`(len(texts), WIDTH)`, each of length 1; zeros for a text without words."""
    bags = [Counter(words(text)) for text in texts]
    seen = Counter(word for bag in bags for word in bag)
    rarity = {word: math.log((1 + len(texts)) / (1 + count)) + 1 for word, count in seen.items()}
    found = np.zeros((len(texts), WIDTH), dtype=np.float32)
    for row, bag in zip(found, bags, strict=True):
        for word, count in bag.items():
            place = zlib.crc32(word.encode())
            row[place % WIDTH] += (1 + math.log(count)) * rarity[word] * (1 if place & 0x10000 else -1)
    norms = np.linalg.norm(found, axis=1, keepdims=True)
    np.divide(found, norms, out=found, where=norms > 0)
    return found


def ranks(quality: Sequence[float]) -> list[float]:
    """What each counts, by its rank alone, so that any scale will do, such as a reward model's: 1 for the best, half as
    much for the worst, which leaves diversity its say."""
    order = sorted(quality)
    return [(1 + bisect_right(order, one) / len(order)) / 2 for one in quality]


def choose(quality: Sequence[float], near: Matrix, count: int) -> list[int]:
    """`count` numbers of rows, the best and most different first. Quality is above 0; ties go to the earlier row."""
    worth = np.asarray(quality, dtype=np.float32)
    nearest, total = np.zeros_like(worth), np.zeros_like(worth)
    chosen: list[int] = []
    for place in range(count):
        score = worth * _room(nearest) * _room(total / np.float32(max(1, place))) ** CROWDED
        score[chosen] = -np.inf
        chosen.append(int(score.argmax()))
        alike = np.maximum(near @ near[chosen[-1]], 0)
        nearest, total = np.maximum(nearest, alike), total + alike
    return chosen


def _room(alike: Any) -> Any:
    """Never quite nothing, so that among copies the better one still counts."""
    return np.maximum(1 - alike, 1e-6)


def similarity(near: Matrix) -> float:
    """The mean cosine between two different rows: the lower, the more diverse."""
    size = len(near)
    total = float(np.square(near.sum(0, dtype=np.float64)).sum())
    return (total - float(np.square(near, dtype=np.float64).sum())) / (size * (size - 1))


def allocate(sizes: Mapping[str, int], count: int, temperature: float) -> dict[str, int]:
    """How many of each kind, `count` in all: in proportion to `size ** (1/temperature)`, and never more than there are.

    Raises UserError when there are fewer than `count` altogether.
    """
    if sum(sizes.values()) < count:
        raise UserError(f"expected at least {count} examples that pass the filters, got {sum(sizes.values())}")
    given = dict.fromkeys(sizes, 0)
    while left := count - sum(given.values()):
        # By largest remainders; what a kind has not got goes to the others in another round.
        weights = {name: size ** (1 / temperature) for name, size in sizes.items() if given[name] < size}
        exact = {name: left * weight / sum(weights.values()) for name, weight in weights.items()}
        spare = left - sum(map(math.floor, exact.values()))
        by_remainder = sorted(exact, key=lambda name: (math.floor(exact[name]) - exact[name], name))
        for place, name in enumerate(by_remainder):
            given[name] += min(math.floor(exact[name]) + (place < spare), sizes[name] - given[name])
    return given
