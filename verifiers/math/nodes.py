"""The tree that an answer is read into, and the walks over it. No meaning lives here: the tiers give it.

Kinds of expressions: `num sym const add mul neg div pow pm fact dfact binom pct deg func sum prod int lim`.
Kinds of structure: `list set tuple matrix rel union inter minus builder base mod ratio unit text field
piecewise`.
`args` are the operands in reading order; `name` says which symbol, function, brackets, unit or operators.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from hashlib import blake2b
from typing import NamedTuple

ZERO = Fraction(0)


class Node(NamedTuple):
    """One node. Equal trees are equal tuples, so `==` is structural equality."""

    kind: str
    args: tuple["Node", ...] = ()
    name: str = ""
    value: Fraction = ZERO


class Unreadable(Exception):
    """The text is no answer in the notation that the parser reads, or it is over a size limit."""


PI = Node("const", name="pi")
E = Node("const", name="e")
I = Node("const", name="i")  # noqa: E741
INFINITY = Node("const", name="oo")
EMPTY = Node("set")
REALS = Node("field", name="R")


def num(value: Fraction | int, literal: str = "") -> Node:
    """A rational number; `literal` keeps the digits as they were written (`05` of a clock time)."""
    return Node("num", (), literal, Fraction(value))


def sym(name: str) -> Node:
    return Node("sym", name=name)


def neg(node: Node) -> Node:
    return Node("neg", (node,))


def add(*terms: Node) -> Node:
    return Node("add", terms)


def mul(*factors: Node) -> Node:
    return Node("mul", factors)


def div(top: Node, bottom: Node) -> Node:
    return Node("div", (top, bottom))


def power(base: Node, exponent: Node) -> Node:
    return Node("pow", (base, exponent))


def func(name: str, *args: Node) -> Node:
    return Node("func", args, name)


def walk(node: Node) -> Iterator[Node]:
    """Every node of the tree, parents first."""
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(top.args)


def digest(*nodes: Node) -> bytes:
    """32 bytes that depend on the trees alone: the seed of everything drawn at random for them."""
    found = blake2b(digest_size=32)
    for node in nodes:
        for part in walk(node):
            top, bottom = part.value.numerator, part.value.denominator
            found.update(f"{part.kind} {len(part.args)} {part.name} {top:x}/{bottom:x};".encode("utf-8", "replace"))
    return found.digest()


def rewrite(node: Node, rule: Callable[[Node], Node]) -> Node:
    """The tree with `rule` applied to every node, leaves first. Subtrees that do not change are kept as they are."""
    if node.args:
        args = tuple(rewrite(arg, rule) for arg in node.args)
        if any(new is not old for new, old in zip(args, node.args, strict=True)):
            node = node._replace(args=args)
    return rule(node)


def contains(node: Node, kind: str) -> bool:
    return any(part.kind == kind for part in walk(node))


def symbols(node: Node) -> frozenset[str]:
    """Names of the free symbols; the index of a sum or product is not free."""
    if node.kind == "sym":
        return frozenset((node.name,))
    found = frozenset[str]().union(*(symbols(arg) for arg in node.args))
    return found - {node.name} if node.kind in ("sum", "prod", "int", "lim") else found


def infinite(node: Node) -> int:
    """1 for infinity, -1 for minus infinity, 0 for anything else."""
    if node == INFINITY:
        return 1
    return -infinite(node.args[0]) if node.kind == "neg" else 0


def is_amount(node: Node) -> bool:
    r"""`5`, `3 \times 10^8`: a number behind which a letter may be a unit."""
    return node.kind in ("num", "mul", "pow", "div", "neg") and not symbols(node)
