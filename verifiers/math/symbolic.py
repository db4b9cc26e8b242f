"""What only computer algebra can decide: symbolic and infinite sums, products, integrals, limits. SymPy, unbounded.

Run it in a process that can be killed.
"""

from verifiers.math.nodes import Node
from verifiers.math.scalar import Outcome


def same_symbolic(left: Node, right: Node) -> Outcome:
    return Outcome(None, "undecided")
