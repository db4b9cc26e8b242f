"""Are two expressions the same number, or the same function? By values: floats refute, growing precision confirms.

`different` needs values that lie apart by more than the error they can carry. `equal` needs agreement to 50 digits
beyond the smallest quantity that occurs on either side, at several points; what would take more than `MAX_BITS` stays
undecided. Symbols take random values of mixed sign, and only points where both sides are defined count, so `sqrt(x^2)`
is `|x|` and not `x`. Symbols that must be integers (arguments of factorials, bounds of sums, exponents of negative
numbers) take integers.
"""

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from hashlib import blake2b

from verifiers.math.fields import Field, float_field, precise_field
from verifiers.math.nodes import Node, contains, digest, symbols, walk
from verifiers.math.numeric import Estimate
from verifiers.math.rational import Inexact, Undefined

MAX_BITS = 6000
FIRST_BITS = 256
TRIALS = 18
"""Trial points; those where a side is undefined do not count."""
ENOUGH = 4
"""Valid points looked at with floats."""
ENOUGH_PIECEWISE = 10
"""The same where a function such as `|x|` has another form elsewhere."""
CONFIRM = 2
"""Points at which both sides must agree to full precision."""
PIECEWISE = {"abs", "floor", "ceil", "max", "min", "sgn", "norm"}

Point = dict[str, Fraction]
SPANS = [
    (Fraction(1, 10), Fraction(1)),
    (Fraction(3), Fraction(30)),
    (Fraction(1), Fraction(3)),
    (Fraction(30), Fraction(2000)),
]


@lru_cache(maxsize=2)
def _floats(complex: bool) -> Field:
    return float_field(complex=complex)


def same_value(left: Node, right: Node) -> bool | None:
    """True: equal. False: different. None: undecided. Deterministic: points are drawn from the trees themselves."""
    complex = any(part.kind == "const" and part.name == "i" for node in (left, right) for part in walk(node))
    parts = [part for node in (left, right) for part in walk(node)]
    enough = ENOUGH_PIECEWISE if any(part.name in PIECEWISE for part in parts) else ENOUGH
    agreeing: list[tuple[int, int, Point]] = []
    for trial, point in enumerate(points(left, right)):
        outcome = _compare(left, right, point, _floats(complex))
        if outcome is False:
            return False
        if outcome is not None or not point:
            agreeing.append((int(outcome or FIRST_BITS), trial, point))
        if len(agreeing) >= enough:
            break
    cheapest = sorted(agreeing, key=lambda entry: entry[:2])[:CONFIRM]
    answers = [_refine(left, right, point, complex) for _, _, point in cheapest]
    if False in answers:
        return False
    return True if answers and all(answers) else None


def _refine(left: Node, right: Node, point: Point, complex: bool) -> bool | None:
    """The comparison at one point with as many bits as it asks for."""
    bits = FIRST_BITS
    while bits <= MAX_BITS:
        outcome = _compare(left, right, point, precise_field(bits, complex=complex))
        if outcome is None or isinstance(outcome, bool):
            return outcome
        if outcome <= bits:
            return True
        bits = max(2 * bits, -(-outcome // 256) * 256)
    return None


def _compare(left: Node, right: Node, point: Point, field: Field) -> bool | int | None:
    """False: surely different. A number: equal so far, and the bits it takes to be sure. None: no value here."""
    estimate = Estimate(field, point)
    try:
        one, two = estimate(left), estimate(right)
        gap = one - two
        sizes = [field.magnitude(value) for value in (one, two) if value]
    except (Undefined, Inexact):
        return None
    except (ArithmeticError, ValueError):  # overflow of machine floats: more bits may help
        return FIRST_BITS
    if not sizes or not gap:
        return estimate.needed
    apart = field.magnitude(gap) > max(sizes) - field.bits + estimate.lost + 12
    if apart and (not estimate.assumed_zero or estimate.needed <= field.bits):
        return False
    return estimate.needed


def points(left: Node, right: Node) -> Iterator[Point]:
    """Values for the free symbols, drawn from a hash of both trees (in either order)."""
    names = sorted(symbols(left) | symbols(right))
    if not names:
        yield {}
        return
    whole = integer_symbols(left) | integer_symbols(right)
    key = b"".join(sorted((digest(left), digest(right))))
    for trial in range(TRIALS):
        yield {name: _value(key, trial, index, name in whole) for index, name in enumerate(names)}


def _value(key: bytes, trial: int, index: int, whole: bool) -> Fraction:
    """Magnitudes from 0.1 to 2000 in turn; all positive, all negative and mixed signs."""
    digest = blake2b(bytes([trial, index % 256]), key=key, digest_size=8).digest()
    draw = int.from_bytes(digest[:6], "big")
    if whole:
        return Fraction(2 + trial + draw % 9)
    low, high = SPANS[trial % len(SPANS)]
    size = low + (high - low) * Fraction(draw >> 16, 1 << 32)
    negative = (False, True, digest[7] % 2 == 0)[trial % 3]
    return -size if negative else size


def integer_symbols(node: Node) -> frozenset[str]:
    """Symbols that stand for integers, by where they occur."""
    found: frozenset[str] = frozenset()
    for part in walk(node):
        if part.kind in ("fact", "dfact", "binom"):
            found |= symbols(part)
        elif part.kind in ("sum", "prod"):
            found |= symbols(part.args[1]) | symbols(part.args[2])
        elif part.kind == "pow" and _negative(part.args[0]):
            found |= symbols(part.args[1])
    return found


def _negative(node: Node) -> bool:
    return (node.kind == "neg" and not contains(node, "sym")) or (node.kind == "num" and node.value < 0)


def rough(node: Node) -> complex | None:
    """The value of a constant to some nine digits; None where that is not known for sure."""
    estimate = Estimate(_floats(True), {})
    try:
        value = complex(estimate(node))
    except (Undefined, Inexact, ArithmeticError, ValueError):
        return None
    return None if estimate.assumed_zero or estimate.lost > 20 else value


def compare_order(left: Node, right: Node) -> int | None:
    """-1, 0 or 1 for `left` smaller, equal, larger as real constants; None where that is unknown."""
    if left.kind == right.kind == "num":
        return (left.value > right.value) - (left.value < right.value)
    if symbols(left) | symbols(right):
        return None
    same = same_value(left, right)
    if same is not False:
        return 0 if same else None
    for bits in (FIRST_BITS, MAX_BITS):
        estimate = Estimate(precise_field(bits, complex=False), {})
        try:
            gap = estimate(left) - estimate(right)
        except (Undefined, Inexact, ArithmeticError, ValueError):
            return None
        if gap and not gap.imag:
            return 1 if gap > 0 else -1
    return None


def multiple(left: Node, right: Node) -> float | None:
    """The constant by which `left` is a multiple of `right`; 0.0 if it is none; None where they cannot be valued."""
    ratios: list[float] = []
    for point in points(left, right):
        estimate = Estimate(_floats(False), point)
        try:
            top, bottom = estimate(left), estimate(right)
        except (Undefined, Inexact, ArithmeticError, ValueError):
            continue
        if not top or not bottom or estimate.lost > 20:
            continue
        ratios.append(float(top / bottom))
        if abs(ratios[-1] - ratios[0]) > 1e-6 * abs(ratios[0]):
            return 0.0
    return ratios[0] if len(ratios) > 1 else None


def close(left: Node, right: Node, rel_tol: float, abs_tol: float = 0.0) -> bool | None:
    """Do two constants lie within a distance that is relative to `left`? None where they cannot be valued."""
    estimate = Estimate(precise_field(FIRST_BITS, complex=True), {})
    try:
        one, two = estimate(left), estimate(right)
        return bool(abs(one - two) <= max(rel_tol * abs(one), abs_tol))
    except (Undefined, Inexact, ArithmeticError, ValueError, TypeError):
        return None
