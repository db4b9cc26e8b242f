r"""Sets of real numbers as unions of intervals: what `x > 3`, `(3, \infty)`, `\{x : x > 3\}` and `\mathbb{R}` mean.

Inequalities are solved where they are linear in one variable or bound an absolute value. Anything else has no region
and is compared by form.
"""

from fractions import Fraction
from typing import NamedTuple

from verifiers.math.nodes import INFINITY, REALS, Node, add, div, infinite, neg, num, rewrite, sym, symbols
from verifiers.math.rational import Inexact, Rational, Undefined, fold
from verifiers.math.sampling import compare_order
from verifiers.math.scalar import Outcome, same_scalar

MAX_PIECES = 64
FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!=", "approx": "approx", "equiv": "equiv"}


class Piece(NamedTuple):
    """An interval; a point has equal, closed ends."""

    low: Node
    high: Node
    closed_low: bool
    closed_high: bool


class Region(NamedTuple):
    pieces: tuple[Piece, ...]
    variable: str = ""
    """The symbol that a relation spoke of; empty for plain sets."""


class NoRegion(Exception):
    """The tree is no set of reals that can be written down."""


class Contradiction(NoRegion):
    """Relations that no number fulfils together."""


LINE: tuple[Piece, ...] = (Piece(neg(INFINITY), INFINITY, False, False),)


def region_of(node: Node) -> Region:
    """Raises NoRegion."""
    kind = node.kind
    if kind == "tuple" and node.name != "<>" and len(node.args) == 2:
        return Region(_normal([_interval(node)]))
    if kind == "set":
        return Region(
            _normal([Piece(point, point, True, True) for point in node.args if _scalar(point)], len(node.args))
        )
    if node == REALS:
        return Region(LINE)
    if kind == "union":
        return _joined([region_of(arg) for arg in node.args], either=True)
    if kind == "inter":
        return _joined([region_of(arg) for arg in node.args], either=False)
    if kind == "minus":
        left, right = (region_of(arg).pieces for arg in node.args)
        return Region(intersect(left, complement(right)))
    if kind == "rel":
        return _relation(node)
    if kind == "builder":
        return region_of(node.args[1])
    if kind == "list" and all(part.kind == "rel" for part in node.args):
        alternatives = node.name == "or" or all(part.name == "=" for part in node.args)  # `x = 1, x = -4`
        regions = [region_of(part) for part in node.args]
        try:
            return _joined(regions, either=alternatives)
        except Contradiction:
            if node.name != ",":
                raise
            return _joined(regions, either=True)  # `x < 1, x > 4` can only mean an `or`
    raise NoRegion(kind)


def _joined(regions: list[Region], *, either: bool) -> Region:
    variables = {region.variable for region in regions if region.variable}
    if len(variables) > 1:
        raise NoRegion("several variables")
    variable = next(iter(variables), "")
    if either:
        return Region(_normal([piece for region in regions for piece in region.pieces]), variable)
    pieces = regions[0].pieces
    for region in regions[1:]:
        pieces = intersect(pieces, region.pieces)
    if not pieces:  # such statements are not the same for that
        raise Contradiction("no number fits all")
    return Region(pieces, variable)


def _scalar(node: Node) -> bool:
    return node.kind not in (
        "list",
        "set",
        "tuple",
        "matrix",
        "rel",
        "union",
        "unit",
        "text",
        "ratio",
        "field",
        "pm",
        "mp",
    )


def _interval(node: Node) -> Piece:
    low, high = node.args
    if not (_scalar(low) and _scalar(high)):
        raise NoRegion("ends")
    order = _order(low, high)
    if order > 0 or (order == 0 and node.name != "[]"):
        raise NoRegion("reversed interval")
    return Piece(low, high, node.name[0] == "[", node.name[1] == "]")


def _order(left: Node, right: Node) -> int:
    """-1, 0 or 1; infinities included. Raises NoRegion where the order is unknown."""
    ends = infinite(left), infinite(right)
    if any(ends):
        return (ends[0] > ends[1]) - (ends[0] < ends[1])
    order = compare_order(fold(left), fold(right))
    if order is None:
        raise NoRegion("order")
    return order


def _before(piece: Piece, other: Piece) -> bool:
    order = _order(piece.low, other.low)
    return order < 0 or (order == 0 and piece.closed_low and not other.closed_low)


def _normal(pieces: list[Piece], expected: int | None = None) -> tuple[Piece, ...]:
    """Sorted, and merged where pieces touch."""
    if len(pieces) > MAX_PIECES or (expected is not None and expected != len(pieces)):
        raise NoRegion("pieces")
    ordered: list[Piece] = []
    for piece in pieces:
        place = next((at for at, other in enumerate(ordered) if _before(piece, other)), len(ordered))
        ordered.insert(place, piece)
    merged: list[Piece] = []
    for piece in ordered:
        last = merged[-1] if merged else None
        gap = _order(last.high, piece.low) if last else -1
        if last is None or gap < 0 or (gap == 0 and not (last.closed_high or piece.closed_low)):
            merged.append(piece)
            continue
        reach = _order(piece.high, last.high)
        if reach > 0:
            merged[-1] = last._replace(high=piece.high, closed_high=piece.closed_high)
        elif reach == 0:
            merged[-1] = last._replace(closed_high=last.closed_high or piece.closed_high)
    return tuple(merged)


def complement(pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """What of the line the normal pieces leave free."""
    free: list[Piece] = []
    start, closed = neg(INFINITY), False
    for piece in pieces:
        if infinite(piece.low) == 0 and (_order(start, piece.low) < 0 or (closed and not piece.closed_low)):
            free.append(Piece(start, piece.low, closed, not piece.closed_low))
        start, closed = piece.high, not piece.closed_high
    if infinite(start) != 1:
        free.append(Piece(start, INFINITY, closed, False))
    return tuple(free)


def intersect(left: tuple[Piece, ...], right: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """De Morgan: what is in neither complement."""
    return complement(_normal([*complement(left), *complement(right)]))


def _relation(node: Node) -> Region:
    """A relation, or a chain of them, in one variable."""
    operators = node.name.split()
    if operators == ["in"]:
        inner = region_of(node.args[1])
        if node.args[0].kind != "sym":
            raise NoRegion("membership")
        return Region(inner.pieces, node.args[0].name)
    node = rewrite(node, _applied)
    names = symbols(node)
    if len(names) != 1 or any(operator not in ("<", ">", "<=", ">=", "!=", "=") for operator in operators):
        raise NoRegion("relation")
    (name,) = names
    pieces = LINE
    for left, operator, right in zip(node.args, operators, node.args[1:], strict=False):
        pieces = intersect(pieces, _solve(left, operator, right, name))
    return Region(pieces, name)


def _applied(node: Node) -> Node:
    """`f(x)` is a variable of its own: `0 < f(x) < 1` speaks of its values."""
    if node.kind == "mul" and len(node.args) == 2 and all(part.kind == "sym" for part in node.args):
        function, argument = node.args
        return sym(f"{function.name}({argument.name})") if function.name in ("f", "g", "h") else node
    return node


def _solve(left: Node, operator: str, right: Node, name: str) -> tuple[Piece, ...]:
    """The values of the symbol for which `left operator right` holds."""
    if name in symbols(right) and name not in symbols(left):
        left, operator, right = right, FLIPPED[operator], left
    if name in symbols(right):
        left, right = add(left, neg(right)), num(0)
    if left.kind == "func" and left.name == "abs":
        return _solve_absolute(left.args[0], operator, right, name)
    if left == Node("sym", name=name):
        return _half_line(operator, right)
    slope, offset = _linear(left, name)
    bound = div(add(right, neg(num(offset))), num(slope))
    return _half_line(operator if slope > 0 else FLIPPED[operator], fold(bound))


def _solve_absolute(inner: Node, operator: str, bound: Node, name: str) -> tuple[Piece, ...]:
    """`|u| < c` is `-c < u < c`; `|u| > c` is what is left."""
    if _order(bound, num(0)) < 0:
        raise NoRegion("negative bound of an absolute value")
    if operator in ("<", "<="):
        return intersect(_solve(inner, operator, bound, name), _solve(inner, FLIPPED[operator], neg(bound), name))
    if operator in (">", ">="):
        outer = (*_solve(inner, operator, bound, name), *_solve(inner, FLIPPED[operator], neg(bound), name))
        return _normal(list(outer))
    raise NoRegion("absolute value")


def _half_line(operator: str, bound: Node) -> tuple[Piece, ...]:
    point = Piece(bound, bound, True, True)
    if operator in ("<", "<="):
        return (Piece(neg(INFINITY), bound, False, operator == "<="),)
    if operator in (">", ">="):
        return (Piece(bound, INFINITY, operator == ">=", False),)
    return (point,) if operator == "=" else complement((point,))


def _linear(node: Node, name: str) -> tuple[Fraction, Fraction]:
    """Slope and offset of a linear function with rational coefficients."""
    try:
        zero, one, two = (Rational({name: Fraction(value)})(node) for value in (0, 1, 2))
    except (Inexact, Undefined) as error:
        raise NoRegion("not linear") from error
    if two - one != one - zero or one == zero or _degree(node, name) > 1:
        raise NoRegion("not linear")
    return one - zero, zero


def _degree(node: Node, name: str) -> int:
    """An upper bound of the degree in the symbol; 99 where it is no polynomial by its form."""
    if name not in symbols(node):
        return 0
    if node.kind == "sym":
        return 1
    if node.kind in ("add", "neg"):
        return max(_degree(arg, name) for arg in node.args)
    if node.kind == "mul":
        return sum(_degree(arg, name) for arg in node.args)
    if node.kind == "div" and name not in symbols(node.args[1]):
        return _degree(node.args[0], name)
    return 99


def same_region(left: Region, right: Region) -> Outcome:
    """Equal sets; two named variables must have the same name."""
    if left.variable and right.variable and left.variable != right.variable:
        return Outcome(False, "structure")
    if len(left.pieces) != len(right.pieces):
        return Outcome(False, "structure")
    for one, two in zip(left.pieces, right.pieces, strict=True):
        if one[2:] != two[2:]:
            return Outcome(False, "structure")
        for ends in zip(one[:2], two[:2], strict=True):
            outcome = same_scalar(*ends)
            if not outcome.equal:
                return outcome
    return Outcome(True, "structure")
