"""Equality of equations and inequalities, and of an equation `x = 5` with the value that it gives.

Equations with a label on one side (`x`, `f(x)`, `(x, y)`, `Area`) are assignments: their values are compared. Other
equations are equal when one is a constant multiple of the other, inequalities when they hold for the same numbers or
are positive multiples of each other.
"""

from collections.abc import Callable

from verifiers.math.nodes import Node, add, neg, rewrite, sym, symbols
from verifiers.math.rational import fold
from verifiers.math.regions import FLIPPED, NoRegion, region_of, same_region
from verifiers.math.residues import proportional
from verifiers.math.sampling import close, multiple
from verifiers.math.scalar import Outcome

Same = Callable[[Node, Node], Outcome]

EQUAL = Outcome(True, "structure")
DIFFERENT = Outcome(False, "structure")
FUNCTION_LETTERS = frozenset("fghpqFGHPQTS")
WHOLE = ("tuple", "set", "matrix", "text", "piecewise")
"""Values that an equation can only be solved for already."""
NEAR = 0.05
"""`2/3 = 0.67` with a wavy sign is one answer in two forms when they lie within five percent."""


def same_relation(gold: Node, answer: Node, same: Same) -> Outcome | None:
    """None where no side holds a relation."""
    if not has_relation(gold) and not has_relation(answer):
        return None
    gold, answer = settled(excluded(gold)), settled(excluded(answer))
    held = has_relation(gold), has_relation(answer)
    if not any(held):
        return same(gold, answer)
    assigned, other = assignments(gold), assignments(answer)
    if all(held):
        return both(gold, answer, assigned, other, same)
    if held[0]:
        return one_sided(gold, assigned, answer, same, strict=True)
    return one_sided(answer, other, gold, lambda left, right: same(right, left), strict=False)


def has_relation(node: Node) -> bool:
    return node.kind in ("rel", "builder") or (node.kind == "list" and all(part.kind == "rel" for part in node.args))


def excluded(node: Node) -> Node:
    r"""`x \ne \pm 1` and `x \ne 2, 3` are two relations that both hold."""
    parts = node.args if node.kind == "list" else (node,)
    if parts[0].kind != "rel" or parts[0].name != "!=" or not all(p.name == "!=" or p.kind != "rel" for p in parts):
        return node
    label = parts[0].args[0]
    values = [part.args[1] if part.kind == "rel" else part for part in parts]
    each = [sign for value in values for sign in signed(value)]
    if len(each) == 1:
        return node
    return Node("list", tuple(Node("rel", (label, value), "!=") for value in each), "and")


def signed(node: Node) -> tuple[Node, ...]:
    return (node.args[0], neg(node.args[0])) if node.kind == "pm" else (node,)


def settled(node: Node) -> Node:
    """A chain of constants (`2/3`, wavy sign, `0.67`) is its value."""
    said = node.args[0] != node.args[-1] if node.kind == "rel" else False  # `5 = 5` says nothing
    if said and set(node.name.split()) <= {"=", "approx"} and not symbols(node):
        return last_value(node.args, node.name.split()) or node
    return node


def both(
    gold: Node, answer: Node, assigned: list[tuple[Node, Node]], other: list[tuple[Node, Node]], same: Same
) -> Outcome:
    if assigned and other:
        outcome = same_assignments(assigned, other, same)
        if outcome.equal or any(value.kind in WHOLE for _, value in assigned):
            return outcome
    try:
        outcome = same_region(region_of(gold), region_of(answer))
        if outcome.equal or not (assigned and other):
            return outcome
    except NoRegion:
        pass
    if gold.kind == answer.kind == "rel":
        return same_shape(gold, answer, same)
    joined = {gold.name == "or", answer.name == "or"}
    if gold.kind == answer.kind == "list" and len(gold.args) == len(answer.args) and len(joined) == 1:
        return matching(gold.args, answer.args, same)
    return DIFFERENT


def matching(gold: tuple[Node, ...], answer: tuple[Node, ...], same: Same) -> Outcome:
    """The relations of a system in any order."""
    rest = list(answer)
    for item in gold:
        place = next((at for at, other in enumerate(rest) if same(item, other).equal), None)
        if place is None:
            return DIFFERENT
        del rest[place]
    return EQUAL


def same_shape(gold: Node, answer: Node, same: Same) -> Outcome:
    """Two relations that are not solved for a label."""
    one, two = gold.name.split(), answer.name.split()
    if len(one) != len(two):
        return DIFFERENT
    if len(one) > 1:
        forward = all_same(gold.args, answer.args, same) if one == two else DIFFERENT
        backward = [FLIPPED.get(operator, operator) for operator in reversed(two)]
        return all_same(gold.args, answer.args[::-1], same) if not forward.equal and one == backward else forward
    if one[0] in ("in", "notin", "to"):
        return all_same(gold.args, answer.args, same) if one == two else DIFFERENT
    return same_difference(gold, answer)


def all_same(gold: tuple[Node, ...], answer: tuple[Node, ...], same: Same) -> Outcome:
    outcomes = [same(left, right) for left, right in zip(gold, answer, strict=True)]
    return next((outcome for outcome in outcomes if not outcome.equal), EQUAL)


def same_difference(gold: Node, answer: Node) -> Outcome:
    """`2x + 4y = 6` and `x + 2y = 3`: the differences of the sides are multiples of each other."""
    one, two = gold.name, answer.name
    left, right = (fold(add(side.args[0], neg(side.args[1]))) for side in (gold, answer))
    if symbols(left) != symbols(right) or not symbols(left):
        return DIFFERENT
    if one not in (two, FLIPPED.get(two)):
        return DIFFERENT
    scaled = proportional(left, right)
    factor = multiple(left, right) if scaled is not False else None
    if scaled is False or factor == 0:
        return Outcome(False, "refuted")
    if factor is None:
        return Outcome(None, "undecided")
    if one in ("=", "!=", "approx", "equiv"):
        return Outcome(True, "fingerprint" if scaled else "precision")
    fits = one == (two if factor > 0 else FLIPPED[two])
    return Outcome(fits, "fingerprint" if scaled else "precision")


# Labels and values


def assignments(node: Node) -> list[tuple[Node, Node]]:
    """Label and value of every equation, tuples taken apart; empty if any relation is no assignment."""
    found: list[tuple[Node, Node]] = []
    for part in node.args if node.kind == "list" else (node,):
        pair = assignment(part) if part.kind == "rel" else None
        if pair is None:
            return []
        label, value = pair
        if label.kind == value.kind == "tuple" and len(label.args) == len(value.args):
            found.extend(zip(label.args, value.args, strict=True))
        else:
            found.append(pair)
    return found


def assignment(node: Node) -> tuple[Node, Node] | None:
    """`x = 5`, `5 = x`, `f(x) = x + 1`, `x = 2 + 3 = 5`, `x = 2/3` with a rounded value behind it."""
    operators = set(node.name.split())
    if not operators <= {"=", "approx", "equiv"}:
        return None
    sides = node.args
    if len(sides) == 2 and is_label(sides[1]) and not is_label(sides[0]):
        sides = sides[::-1]
    if not is_label(sides[0]):
        return None
    value = last_value(sides[1:], node.name.split()[1:])
    if value is None or (sides[0].kind == "sym" and sides[0].name in symbols(value)):
        return None
    return sides[0], value


def last_value(sides: tuple[Node, ...], operators: list[str]) -> Node | None:
    """The value of a chain of equal constants: what it comes to, before it is rounded. None if they do not agree."""
    value = sides[0]
    for operator, side in zip(operators, sides[1:], strict=True):
        if operator == "approx":
            return value if close(bare(value), bare(side), NEAR) else None
        if not symbols(value) and not symbols(side) and close(bare(value), bare(side), 1e-9) is False:
            return None
        value = side
    return value


def bare(node: Node) -> Node:
    return node.args[0] if node.kind in ("unit", "deg") else node


def is_label(node: Node) -> bool:
    r"""`x`, `x_1`, `f(x)`, `f^{-1}(x)`, `P(A)`, `AB`, `|AB|`, `A:B`, `\angle ABC`, `(x, y)`, `\text{Area}`."""
    if node.kind in ("sym", "text"):
        return True
    if node.kind == "tuple":
        return all(part.kind == "sym" for part in node.args)
    if node.kind == "div" and all(_is_differential(part) for part in node.args):
        return True
    if node.kind in ("ratio", "div") or (node.kind == "func" and node.name == "abs"):
        return all(_is_geometric(part) for part in node.args)
    if node.kind != "mul":
        return False
    head = node.args[0].args[0] if node.args[0].kind == "pow" else node.args[0]
    if head.kind == "sym" and head.name.rstrip("'") in FUNCTION_LETTERS and len(node.args) == 2:
        return node.args[1].kind in ("sym", "num", "neg", "tuple", "add")
    return all(part.kind == "sym" for part in node.args)


def _is_differential(node: Node) -> bool:
    """`dy` of `dy/dx`."""
    return node.kind == "mul" and len(node.args) == 2 and node.args[0] == sym("d") and node.args[1].kind == "sym"


def _is_geometric(node: Node) -> bool:
    """`AB`, `S_1`: names of lengths and areas are capital letters."""
    parts = node.args if node.kind == "mul" else (node,)
    return all(part.kind == "sym" and part.name[0].isupper() for part in parts)


def same_assignments(gold: list[tuple[Node, Node]], answer: list[tuple[Node, Node]], same: Same) -> Outcome:
    """The same values under the same labels; several values of one label are a set of alternatives."""
    if len(gold) == len(answer) == 1:
        (label, value), (other_label, other) = gold[0], answer[0]
        return same(value, rename(other, other_label, label)) if same_label(label, other_label) else DIFFERENT
    rest = list(answer)
    for label, value in gold:
        pairs = enumerate(rest)
        place = next((at for at, (name, other) in pairs if same_label(label, name) and same(value, other).equal), None)
        if place is None:
            return DIFFERENT
        del rest[place]
    return DIFFERENT if rest else EQUAL


def same_label(left: Node, right: Node) -> bool:
    """`y` may stand for `f(x)`, and words for anything."""
    if left == right or "text" in (left.kind, right.kind):
        return True
    if left.kind == right.kind == "mul":
        heads = left.args[:-1] == right.args[:-1]
        return heads and len(left.args) == 2 and left.args[-1].kind == right.args[-1].kind == "sym"
    return {left.kind, right.kind} == {"sym", "mul"} and "y" in (left.name, right.name)


def rename(value: Node, label: Node, wanted: Node) -> Node:
    """`g(t) = 2t` under the label `g(x)` is `2x`."""
    if label.kind == wanted.kind == "mul" and label.args[-1].kind == wanted.args[-1].kind == "sym":
        old, new = label.args[-1], wanted.args[-1]
        return rewrite(value, lambda node: new if node == old else node)
    return value


def one_sided(held: Node, assigned: list[tuple[Node, Node]], other: Node, same: Same, *, strict: bool) -> Outcome:
    """A relation against an answer without one. `strict` is for relations in the reference: `x + y = 5` is not 5."""
    if len(assigned) == 1:
        return same(assigned[0][1], other)
    if assigned:
        return values_only(assigned, other, same)
    if held.kind == "rel" and set(held.name.split()) <= {"=", "approx"}:
        value = None if strict and symbols(held) else equation_value(held)
        return DIFFERENT if value is None else same(value, other)
    try:
        return same_region(region_of(held), region_of(other))
    except NoRegion:
        return DIFFERENT


def values_only(assigned: list[tuple[Node, Node]], other: Node, same: Same) -> Outcome:
    """`x = 2, y = 3` against `(2, 3)` or `2, 3`; alternatives of one label against a list or set."""
    values = tuple(value for _, value in assigned)
    labels = {label for label, _ in assigned}
    if len(labels) == 1:
        return same(Node("list", values, ","), other)
    count = len(labels)
    names = [label for label, _ in assigned]
    if len(values) > count and len(values) % count == 0 and names == names[:count] * (len(values) // count):
        points = [Node("tuple", values[at : at + count], "()") for at in range(0, len(values), count)]
        return same(Node("list", tuple(points), ","), other)  # `p = 5, q = 2; p = 7, q = 2`
    if other.kind in ("tuple", "list") and len(other.args) == len(values) and other.name in ("()", ",", "and"):
        return all_same(values, other.args, same)
    return DIFFERENT


def equation_value(node: Node) -> Node | None:
    """`2 + 3 = 5` and `x + y = 5` come to 5; an equation to be solved comes to nothing."""
    left, *rest = node.args
    if symbols(left):
        plain = left.kind in ("add", "mul") and all(part.kind == "sym" for part in left.args)
        if not plain or any(symbols(side) for side in rest):
            return None
        return last_value(tuple(rest), node.name.split()[1:])
    return last_value(node.args, node.name.split()) if not symbols(node) else None
