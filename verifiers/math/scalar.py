"""Equality of two expressions: exact first, then fingerprints, then values. The first tier that can tell decides.

Every tier is sound in what it says, and may say nothing: then the next one is asked.
"""

from typing import NamedTuple

from verifiers.math.nodes import Node, infinite
from verifiers.math.rational import Undefined, fold
from verifiers.math.residues import same_fingerprint
from verifiers.math.sampling import close, same_value

SYMBOLIC = ("sum", "prod", "int", "lim")
"""Kinds that only SymPy can still decide."""


class Outcome(NamedTuple):
    """`equal` is None while nothing is decided; `reason` names the tier, or why there is no answer."""

    equal: bool | None
    reason: str


def same_scalar(left: Node, right: Node) -> Outcome:
    """Are the expressions equal as numbers, or as functions of their symbols?"""
    if left == right:
        return Outcome(True, "structure")
    if infinite(left) or infinite(right):
        return Outcome(infinite(left) == infinite(right), "structure")
    left, right = fold(left), fold(right)
    if left.kind == right.kind == "num":
        return Outcome(left.value == right.value, "rational")
    try:
        same = same_fingerprint(left, right)
        if same is not None:
            return Outcome(same, "fingerprint")
        same = same_value(left, right)
    except Undefined:
        same = None
    if same is None:
        return Outcome(None, "undecided")
    return Outcome(same, "precision" if same else "refuted")


def near(gold: Node, answer: Node, rel_tol: float, abs_tol: float) -> bool:
    """Is the answer within the tolerance around the reference? Only constants can be."""
    return close(gold, answer, rel_tol, abs_tol) is True
