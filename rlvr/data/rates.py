"""How much of each data set goes into a mixture: in proportion to its examples, up to a maximum rate.

Raffel et al. (2020), section 3.5.2. A large data set counts as if it had no more than `cap` examples, so that it does
not drown the small ones. Draws are independent; the examples of each data set come in a shuffled order, and again from
the start when they are used up.
"""

from collections.abc import Iterator, Mapping
from itertools import accumulate
from random import Random

from rlvr.errors import UserError


def weights(sizes: Mapping[str, int], cap: float | None) -> dict[str, float]:
    """`min(n, cap) / sum`, by name; they sum to 1. Raises UserError when there is nothing to weigh."""
    counted = {name: min(size, cap) if cap is not None else size for name, size in sizes.items()}
    return shared(counted)


def shared(counted: Mapping[str, float]) -> dict[str, float]:
    """Each as a share of their sum."""
    total = sum(counted.values())
    if total <= 0:
        raise UserError("mixture: expected data sets with examples, got none")
    return {name: count / total for name, count in counted.items()}


def draws(
    weights: Mapping[str, float], sizes: Mapping[str, int], count: int, random: Random
) -> Iterator[tuple[str, int]]:
    """`count` times the name of a data set, drawn by its weight, and the number of its next example."""
    names = list(weights)
    bounds = list(accumulate(weights.values()))
    orders = {name: _order(sizes[name], random) for name in names}
    used = dict.fromkeys(names, 0)
    for name in random.choices(names, cum_weights=bounds, k=count):
        yield name, orders[name][used[name] % sizes[name]]
        used[name] += 1


def _order(size: int, random: Random) -> list[int]:
    order = list(range(size))
    random.shuffle(order)
    return order
