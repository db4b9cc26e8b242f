r"""Equality of two answers by structure: what is ordered, what is not, what a bracket, a unit or a `\pm` says.

Scalars inside are left to `scalar`. The rules, which are policy and not mathematics, are these: a list without brackets
is unordered (with repetitions), a tuple is ordered, a set has no repetitions; `(a, b)`, `[a, b]` and `\{a, b\}` differ;
one value in set braces is that value; known units must agree, or be convertible, and one side may leave them out.
"""

from collections.abc import Callable, Iterator
from itertools import product

from verifiers.math.nodes import PI, Node, contains, div, mul, neg, num, rewrite, sym, symbols, walk
from verifiers.math.params import MathParams
from verifiers.math.piecewise import same_pieces
from verifiers.math.regions import NoRegion, region_of, same_region
from verifiers.math.relations import same_relation
from verifiers.math.sampling import rough
from verifiers.math.scalar import Outcome, near, same_scalar
from verifiers.math.units import unit_of

MAX_ITEMS = 200
MAX_SIGNS = 4
MAX_WORK = 40_000
"""Nodes that one comparison may hand to the scalar tiers."""

EQUAL = Outcome(True, "structure")
DIFFERENT = Outcome(False, "structure")
SETS = ("union", "inter", "minus", "builder", "field")


def equivalent(gold: Node, answer: Node, params: MathParams) -> Outcome:
    """Is the answer the reference, under one reading of what its notation leaves open?"""
    first: Outcome | None = None
    for reading in readings(gold, answer, params):
        outcome = Comparison(params).same(rewrite(gold, reading), rewrite(answer, reading))
        if outcome.equal:
            return outcome
        first = first or outcome
    return first or DIFFERENT


def readings(gold: Node, answer: Node, params: MathParams) -> Iterator[Callable[[Node], Node]]:
    r"""Percent signs by policy; `\log` without a base as natural, then as decimal logarithm, the same on both sides."""
    percents = {"value": (100,), "ignore": (1,), "either": (100, 1)}[params.percent]
    logs = ("ln", "log10") if _has_log(gold) or _has_log(answer) else ("ln",)
    for percent, log in product(percents, logs):

        def reading(node: Node, percent: int = percent, log: str = log) -> Node:
            if node.kind == "pct":
                return div(node.args[0], num(percent))
            if node.kind == "func" and node.name == "log":
                return node._replace(name=log)
            return degrees_up(node)

        yield reading


def _has_log(node: Node) -> bool:
    return any(part.kind == "func" and part.name == "log" for part in walk(node))


def degrees_up(node: Node) -> Node:
    r"""`-30^\circ` is `(-30)^\circ`; degrees inside a function are the number that they stand for."""
    if not any(arg.kind == "deg" for arg in node.args):
        return node
    bare = tuple(arg.args[0] if arg.kind == "deg" else arg for arg in node.args)
    count = sum(arg.kind == "deg" for arg in node.args)
    outer = (
        (node.kind in ("neg", "pm", "mp"))
        or (node.kind == "add" and count == len(bare))
        or (node.kind == "mul" and count == 1)
        or (node.kind == "div" and count == 1 and node.args[0].kind == "deg")
    )
    if outer:
        return Node("deg", (node._replace(args=bare),))
    if node.kind in ("func", "add", "mul", "div", "pow"):
        return node._replace(args=tuple(radians(arg) if arg.kind == "deg" else arg for arg in node.args))
    return node


def radians(node: Node) -> Node:
    return mul(node.args[0], div(PI, num(180)))


class Comparison:
    """The rules above under one set of parameters."""

    def __init__(self, params: MathParams) -> None:
        self.params = params
        self.work = 0
        """Nodes handed to the scalar tiers so far."""

    def same(self, gold: Node, answer: Node) -> Outcome:
        if gold == answer:
            return EQUAL
        gold, answer = unwrap(gold), unwrap(answer)
        related = same_relation(gold, answer, self.same)
        if related is not None:
            return related
        listed = self.lists(gold, answer)
        if listed is not None:
            return listed
        if gold.kind in SETS or answer.kind in SETS:
            return self.regions(gold, answer)
        if gold.kind == answer.kind and gold.kind in STRUCTURES:
            return STRUCTURES[gold.kind](self, gold, answer)
        return self.mixed(gold, answer)

    def mixed(self, gold: Node, answer: Node) -> Outcome:
        """Two different kinds, or two scalars."""
        kinds = {gold.kind, answer.kind}
        if "set" in kinds:
            braces, other = (gold, answer) if gold.kind == "set" else (answer, gold)
            if len(braces.args) == 1 and other.kind not in ("set", "tuple", "matrix"):
                return self.same(*((braces.args[0], answer) if gold is braces else (gold, braces.args[0])))
            return DIFFERENT
        if kinds & {"unit", "deg"}:
            return self.quantities(gold, answer)
        if "ratio" in kinds:
            pair, other = (gold, answer) if gold.kind == "ratio" else (answer, gold)
            if len(pair.args) == 2 and other.kind == "div":
                return self.scalars(div(*pair.args), other)
            return DIFFERENT
        if kinds == {"tuple", "matrix"}:
            return self.vectors(gold, answer)
        called = self.called(gold, answer)
        if called is not None:
            return called
        if answer.kind == "mod" and gold.kind not in STRUCTURES:
            return self.same(gold, answer.args[0])
        if kinds & NOT_SCALAR:
            return DIFFERENT
        return self.scalars(gold, answer)

    def called(self, gold: Node, answer: Node) -> Outcome | None:
        """A letter before a tuple: `P(2, 3)` is a point beside a point, `C(8, 3)` a number of ways beside a number."""
        for letter, other, at in ((gold, answer, 0), (answer, gold, 1)):
            if letter.kind != "mul" or [part.kind for part in letter.args] != ["sym", "tuple"]:
                continue
            name, items = letter.args[0].name, letter.args[1]
            if other.kind == "tuple" and name.isupper():
                return self.same(*((items, other) if at == 0 else (other, items)))
            if other.kind in NOT_SCALAR or name not in ("C", "P", "A") or len(items.args) != 2:
                continue
            ways = Node("binom", items.args)
            value = ways if name == "C" else mul(ways, Node("fact", items.args[1:]))
            return self.scalars(*((value, other) if at == 0 else (other, value)))
        return None

    def scalars(self, gold: Node, answer: Node) -> Outcome:
        self.work += weight(gold) + weight(answer)
        if self.work > MAX_WORK:
            return Outcome(None, "too much work")
        outcome = same_scalar(gold, answer)
        tolerant = self.params.rel_tol or self.params.abs_tol
        if tolerant and not outcome.equal and near(gold, answer, self.params.rel_tol, self.params.abs_tol):
            return Outcome(True, "tolerance")
        return outcome

    def all(self, gold: tuple[Node, ...], answer: tuple[Node, ...]) -> Outcome:
        """Equal item by item, in order."""
        if len(gold) != len(answer):
            return DIFFERENT
        unknown = None
        for pair in zip(gold, answer, strict=True):
            outcome = self.same(*pair)
            if outcome.equal is False:
                return outcome
            unknown = unknown or (outcome if outcome.equal is None else None)
        return unknown or EQUAL

    # Lists and sets

    def lists(self, gold: Node, answer: Node) -> Outcome | None:
        """Lists without brackets, and what stands for several values (`\\pm 3`). None where neither side is one."""
        one, two = items_of(gold), items_of(answer)
        if one is None and two is None:
            return None
        if one is None or two is None:
            alone, several = (gold, two) if one is None else (answer, one)
            if alone.kind == "set":
                return self.sets(alone, Node("set", tuple(several or ())))
            return DIFFERENT
        if self.params.order == "strict":
            return self.all(tuple(one), tuple(two))
        return self.matching(one, two)

    def matching(self, gold: list[Node], answer: list[Node]) -> Outcome:
        """The same items in any order. Equality is transitive, so the first match of an item is as good as any."""
        if len(gold) != len(answer):
            return DIFFERENT
        if len(gold) > MAX_ITEMS:
            return Outcome(None, "too many items")
        rest, undecided = [(item, self.rough(item)) for item in answer], False
        for item in gold:
            value = self.rough(item)
            for at, (other, other_value) in enumerate(rest):
                if apart(value, other_value):
                    continue
                outcome = self.same(item, other)
                undecided = undecided or outcome.equal is None
                if outcome.equal:
                    del rest[at]
                    break
            else:
                return Outcome(None, "undecided") if undecided else DIFFERENT
        return EQUAL

    def sets(self, gold: Node, answer: Node) -> Outcome:
        if len(gold.args) + len(answer.args) > MAX_ITEMS:
            return Outcome(None, "too many items")
        return self.matching(self.distinct(gold.args), self.distinct(answer.args))

    def distinct(self, items: tuple[Node, ...]) -> list[Node]:
        found: list[tuple[Node, complex | None]] = []
        for item in [value for entry in items for value in signs(entry)]:
            value = self.rough(item)
            if not any(not apart(value, known) and self.same(item, other).equal for other, known in found):
                found.append((item, value))
        return [item for item, _ in found]

    def rough(self, item: Node) -> complex | None:
        """The value of a constant, so that long lists need no comparison of all pairs; None under a tolerance."""
        return None if self.params.rel_tol or self.params.abs_tol else rough(item)

    def regions(self, gold: Node, answer: Node) -> Outcome:
        try:
            return same_region(region_of(gold), region_of(answer))
        except NoRegion:
            if gold.kind == answer.kind and len(gold.args) == len(answer.args):
                return self.all(gold.args, answer.args) if gold.name == answer.name else DIFFERENT
            return DIFFERENT

    # Ordered structures

    def tuples(self, gold: Node, answer: Node) -> Outcome:
        names = {gold.name, answer.name}
        return self.all(gold.args, answer.args) if len(names) == 1 or names == {"()", "<>"} else DIFFERENT

    def vectors(self, gold: Node, answer: Node) -> Outcome:
        r"""`\langle 1, 2 \rangle` has no orientation: it is the row and the column."""
        line, grid = (gold, answer) if gold.kind == "tuple" else (answer, gold)
        rows = [row.args for row in grid.args]
        flat = tuple(cell for row in rows for cell in row)
        if line.name == "<>" and (len(rows) == 1 or len(rows[0]) == 1):
            return self.all(line.args, flat)
        if all(row.kind == "tuple" and row.name == "[]" for row in line.args):  # [[1, 2], [3, 4]]
            typed = tuple(Node("row", row.args) for row in line.args)
            return self.all(*((typed, grid.args) if line is gold else (grid.args, typed)))
        return DIFFERENT

    def ratios(self, gold: Node, answer: Node) -> Outcome:
        """Clock times are compared part by part; ratios of two numbers by value, longer ones up to a factor."""
        one, two = gold.args, answer.args
        if is_clock(gold) or is_clock(answer) or len(one) != len(two):
            return self.all(one, two)
        cross = [
            self.scalars(mul(one[0], right), mul(two[0], left)) for left, right in zip(one[1:], two[1:], strict=True)
        ]
        return next((outcome for outcome in cross if not outcome.equal), EQUAL)

    def residue_classes(self, gold: Node, answer: Node) -> Outcome:
        """`3 (mod 7)` is `10 (mod 7)`."""
        modulus = self.scalars(gold.args[1], answer.args[1])
        if not modulus.equal:
            return modulus
        quotient = func_floor(div(Node("add", (gold.args[0], neg(answer.args[0]))), gold.args[1]))
        return self.scalars(gold.args[0], Node("add", (answer.args[0], mul(gold.args[1], quotient))))

    def quantities(self, gold: Node, answer: Node) -> Outcome:
        """Values with units on one side or both."""
        (value, name), (other, other_name) = split_unit(gold), split_unit(answer)
        if self.params.units == "ignore":
            return self.same(value, other)
        if {name, other_name} & {"am", "pm"}:
            value, other = on_the_hour(value), on_the_hour(other)
        unit, other_unit = unit_of(name), unit_of(other_name)
        if unit is None or other_unit is None:
            if spelled_out(name, other) or spelled_out(other_name, value):  # `5 m` against `5m`
                return self.scalars(as_product(value, name), as_product(other, other_name))
            if self.params.units == "require" and (unit or other_unit):
                return Outcome(False, "units")
            return self.angles(self.same(value, other), gold, answer)
        if {name.rstrip("s"), other_name.rstrip("s")} == {"sterling", "pound"}:
            return self.same(value, other)
        if unit.dimension != other_unit.dimension:
            return Outcome(False, "units")
        if unit.factor == other_unit.factor:
            return self.same(value, other)
        if value.kind in STRUCTURES or other.kind in STRUCTURES:
            return Outcome(False, "units")
        return self.scalars(mul(value, unit.factor), mul(other, other_unit.factor))

    def angles(self, outcome: Outcome, gold: Node, answer: Node) -> Outcome:
        r"""`30^\circ` is the number `\frac{\pi}{6}`."""
        if (
            outcome.equal is False
            and {gold.kind, answer.kind} & {"deg"}
            and any(part.kind == "const" or part.name.startswith("arc") for part in walk(Node("list", (gold, answer))))
        ):
            return self.scalars(
                *(radians(side) if side.kind == "deg" else split_unit(side)[0] for side in (gold, answer))
            )
        return outcome


def weight(node: Node) -> int:
    return sum(100 if part.kind in ("sum", "prod") else 1 for part in walk(node))


def apart(left: complex | None, right: complex | None) -> bool:
    return left is not None and right is not None and abs(left - right) > 1e-6 * max(abs(left), abs(right))


def func_floor(node: Node) -> Node:
    return Node("func", (node,), "floor")


def unwrap(node: Node) -> Node:
    r"""A list of one item is the item; `x = \pm 2` is `x = 2` or `x = -2`."""
    while node.kind == "list" and len(node.args) == 1:
        node = node.args[0]
    relations = node.args if node.kind == "list" else (node,)
    if all(part.kind == "rel" for part in relations) and contains(node, "pm"):
        return Node("list", tuple(value for part in relations for value in signs(part)), "or")
    return node


def split_unit(node: Node) -> tuple[Node, str]:
    if node.kind == "deg":
        return node.args[0], "degrees"
    return (node.args[0], node.name) if node.kind == "unit" else (node, "")


def spelled_out(name: str, other: Node) -> bool:
    """Is the one-letter unit a symbol on the other side?"""
    return len(name) == 1 and name in symbols(other)


def as_product(value: Node, name: str) -> Node:
    return mul(value, sym(name)) if len(name) == 1 else value


def on_the_hour(node: Node) -> Node:
    """`10 a.m.` is `10:00 a.m.`"""
    return Node("ratio", (node, num(0, "00"))) if node.kind == "num" else node


def is_clock(node: Node) -> bool:
    """`9:05`, `12:30`: the parts behind the first have two digits below 60."""
    literals = [part.name for part in node.args]
    return len(literals) < 4 and all(len(text) == 2 and text.isdigit() and int(text) < 60 for text in literals[1:])


def items_of(node: Node) -> list[Node] | None:
    if node.kind == "list":
        return [value for item in node.args for value in signs(item)]
    values = signs(node)
    return values if len(values) > 1 and node.kind != "set" else None


def signs(node: Node) -> list[Node]:
    r"""The values that `\pm` stands for: each sign on its own, but all together where a `\mp` speaks of pairs."""
    marks = [part for part in walk(node) if part.kind in ("pm", "mp")]
    if not marks or node.kind == "set":
        return [node]
    paired = any(mark.kind == "mp" for mark in marks) or len(marks) > MAX_SIGNS
    patterns = [(plus,) * len(marks) for plus in (True, False)] if paired else product((True, False), repeat=len(marks))
    return [_signed(node, iter(pattern)) for pattern in patterns]


def _signed(node: Node, plus: Iterator[bool]) -> Node:
    def rule(part: Node) -> Node:
        if part.kind not in ("pm", "mp"):
            return part
        return part.args[0] if next(plus) == (part.kind == "pm") else neg(part.args[0])

    return rewrite(node, rule)


STRUCTURES: dict[str, Callable[[Comparison, Node, Node], Outcome]] = {
    "tuple": Comparison.tuples,
    "set": Comparison.sets,
    "ratio": Comparison.ratios,
    "mod": Comparison.residue_classes,
    "matrix": lambda self, gold, answer: self.all(gold.args, answer.args),
    "row": lambda self, gold, answer: self.all(gold.args, answer.args),
    "unit": Comparison.quantities,
    "deg": Comparison.quantities,
    "base": lambda self, gold, answer: Outcome(gold.name == answer.name, "base"),
    "piecewise": lambda self, gold, answer: same_pieces(gold, answer, self.same),
    "text": lambda self, gold, answer: Outcome(gold.name.lower() == answer.name.lower(), "text"),
}
NOT_SCALAR = {"tuple", "matrix", "row", "mod", "base", "text", "field", "rel", "list", "piecewise"}
