"""Rewards that say nothing of the answer: what a run gains with them, it does not owe to its verifiers."""

import random
from collections.abc import Sequence

from rlvr.config import Control


def rewards(control: Control, scores: Sequence[float | None], seed: int) -> list[float | None]:
    """The rewards of one group. A masked score stays masked.

    none: the scores. random: a coin for each. constant: 1 for each. shuffled: the group's own scores, dealt out anew.
    """
    rng = random.Random(seed)
    known = [score for score in scores if score is not None]
    if control == "random":
        known = [float(rng.random() < 0.5) for _ in known]
    elif control == "constant":
        known = [1.0 for _ in known]
    elif control == "shuffled":
        rng.shuffle(known)
    dealt = iter(known)
    return [None if score is None else next(dealt) for score in scores]
