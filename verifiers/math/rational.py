"""Exact values: rational arithmetic within a budget of bits and steps, and the folding of constants in a tree.

A value that is irrational, symbolic or too long is left to the later tiers, never rounded.
"""

import math
from collections.abc import Callable
from fractions import Fraction

from verifiers.math.nodes import Node, num, symbols

MAX_BITS = 1 << 14
"""Of numerator or denominator of any intermediate value."""
MAX_FACTORIAL = 2000
MAX_TERMS = 1000
"""Of one sum or product."""
MAX_STEPS = 10_000


class Inexact(Exception):
    """No rational number, or none within the budget."""


class Undefined(Exception):
    """The expression has no value at this point: division by zero, logarithm of zero, ..."""


class Rational:
    """Evaluates a tree over the rationals. `values` are those of the symbols; a symbol without one is `Inexact`."""

    def __init__(self, values: dict[str, Fraction] | None = None) -> None:
        self.values = values or {}
        self.steps = 0

    def __call__(self, node: Node) -> Fraction:
        self.steps += 1
        rule = RULES.get(node.kind)
        if rule is None or self.steps > MAX_STEPS:
            raise Inexact(node.kind)
        value = rule(self, node)
        if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
            raise Inexact("too long")
        return value


def exact(node: Node) -> Fraction | None:
    """The rational value, or None. Raises Undefined for a division by zero."""
    try:
        return Rational()(node)
    except Inexact:
        return None


def power_of(base: Fraction, exponent: Fraction) -> Fraction:
    """Rational powers that are rational: `(4/9)^(1/2)`, `(-8)^(1/3)` with the real root."""
    if exponent.denominator != 1:
        base = root_of(base, exponent.denominator)
    count = exponent.numerator
    if base == 0 and count <= 0:
        if count == 0:
            return Fraction(1)
        raise Undefined("division by zero")
    if abs(count) * max(base.numerator.bit_length(), base.denominator.bit_length()) > 2 * MAX_BITS and abs(base) != 1:
        raise Inexact("power too long")
    return base**count if abs(base) != 1 else (base if count % 2 else abs(base))


def root_of(base: Fraction, degree: int) -> Fraction:
    """The real root, if it is rational."""
    if degree > 64 or (base < 0 and degree % 2 == 0):
        raise Inexact("root")
    top, bottom = integer_root(abs(base.numerator), degree), integer_root(base.denominator, degree)
    if top is None or bottom is None:
        raise Inexact("root")
    return Fraction(-top if base < 0 else top, bottom)


def integer_root(number: int, degree: int) -> int | None:
    """The exact root of a natural number, or None, by Newton's iteration on integers."""
    if number < 2:
        return number
    if degree == 2:
        guess = math.isqrt(number)
    else:
        guess = 1 << -(-number.bit_length() // degree)
        while True:
            better = ((degree - 1) * guess + number // guess ** (degree - 1)) // degree
            if better >= guess:
                break
            guess = better
    return guess if guess**degree == number else None


def natural(value: Fraction, limit: int) -> int:
    if value.denominator != 1 or not 0 <= value <= limit:
        raise Inexact("natural number expected")
    return value.numerator


def double_factorial(value: int) -> int:
    return math.prod(range(value, 0, -2))


def index_values(evaluator: Callable[[Node], Fraction], node: Node) -> range:
    """The values of the index of a sum or product with integer bounds."""
    low, high = evaluator(node.args[1]), evaluator(node.args[2])
    if low.denominator != 1 or high.denominator != 1 or high - low > MAX_TERMS:
        raise Inexact("bounds")
    return range(low.numerator, high.numerator + 1)


def _symbol(self: Rational, node: Node) -> Fraction:
    if node.name not in self.values:
        raise Inexact(node.name)
    return self.values[node.name]


def _quotient(self: Rational, node: Node) -> Fraction:
    top, bottom = self(node.args[0]), self(node.args[1])
    if bottom == 0:
        raise Undefined("division by zero")
    return top / bottom


def _product(self: Rational, node: Node) -> Fraction:
    value = Fraction(1)
    for factor in node.args:
        value *= self(factor)
    return value


def _binomial(self: Rational, node: Node) -> Fraction:
    top, bottom = self(node.args[0]), self(node.args[1])
    return Fraction(math.comb(natural(top, MAX_FACTORIAL), natural(bottom, MAX_FACTORIAL)))


def _repeated(start: int, join: Callable[[Fraction, Fraction], Fraction]) -> Callable[[Rational, Node], Fraction]:
    def rule(self: Rational, node: Node) -> Fraction:
        outer, total = dict(self.values), Fraction(start)
        for index in index_values(self, node):
            self.values = {**outer, node.name: Fraction(index)}
            total = join(total, self(node.args[0]))
        self.values = outer
        return total

    return rule


def _function(self: Rational, node: Node) -> Fraction:
    rule = FUNCTIONS.get(node.name)
    if rule is None:
        raise Inexact(node.name)
    return Fraction(rule(*[self(arg) for arg in node.args]))


def _integers(rule: Callable[..., int]) -> Callable[..., Fraction]:
    def apply(*values: Fraction) -> Fraction:
        if any(value.denominator != 1 for value in values):
            raise Inexact("integers expected")
        return Fraction(rule(*[value.numerator for value in values]))

    return apply


def _sign(value: Fraction) -> int:
    return (value > 0) - (value < 0)


FUNCTIONS: dict[str, Callable[..., Fraction | int]] = {
    "abs": abs,
    "floor": math.floor,
    "ceil": math.ceil,
    "max": max,
    "min": min,
    "gcd": _integers(math.gcd),
    "lcm": _integers(math.lcm),
    "sgn": _sign,
    "Re": lambda value: value,
    "Im": lambda value: 0,
    "conj": lambda value: value,
}
RULES: dict[str, Callable[[Rational, Node], Fraction]] = {
    "num": lambda self, node: node.value,
    "sym": _symbol,
    "add": lambda self, node: sum((self(term) for term in node.args), Fraction(0)),
    "neg": lambda self, node: -self(node.args[0]),
    "mul": _product,
    "div": _quotient,
    "pow": lambda self, node: power_of(self(node.args[0]), self(node.args[1])),
    "fact": lambda self, node: Fraction(math.factorial(natural(self(node.args[0]), MAX_FACTORIAL))),
    "dfact": lambda self, node: Fraction(double_factorial(natural(self(node.args[0]), MAX_FACTORIAL))),
    "binom": _binomial,
    "func": _function,
    "sum": _repeated(0, lambda total, term: total + term),
    "prod": _repeated(1, lambda total, term: total * term),
}


def fold(node: Node) -> Node:
    """The tree with every rational subtree replaced by its value. An undefined one stays as it is."""
    if node.kind in ("sum", "prod", "int", "lim"):
        node = node._replace(args=(node.args[0], *(fold(arg) for arg in node.args[1:])))
        constant = not symbols(node)
    else:
        node = node._replace(args=tuple(fold(arg) for arg in node.args)) if node.args else node
        constant = all(arg.kind == "num" for arg in node.args) and node.kind != "sym"
    if not constant or node.kind not in RULES:
        return node
    try:
        return num(Rational()(node))
    except (Inexact, Undefined):
        return node
