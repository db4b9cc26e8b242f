"""The value of a tree in a field of numbers, with account of what rounding can have hidden.

`Estimate` books how many bits cancellation has cost and how far the magnitudes spread. The first says when two values
are surely different, the second how many bits it takes before a vanishing difference cannot hide a term that was
absorbed (`e^1000 + 1` against `e^1000`). The decisions are taken in `sampling`.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from verifiers.math.fields import Field
from verifiers.math.nodes import Node
from verifiers.math.rational import MAX_STEPS, Inexact, Rational, Undefined, index_values

GUARD = 170
"""Bits of agreement asked beyond the smallest quantity: 51 digits."""


class Estimate:
    """Evaluates a tree in a field of numbers and keeps account of lost bits and of the range of magnitudes."""

    def __init__(self, field: Field, values: dict[str, Fraction]) -> None:
        self.field = field
        self.values = values
        self.lost = 0
        """Bits that cancellation and ill-conditioned functions can have cost."""
        self.width = 0
        """Bits of the longest rational number: what a rounded literal has hidden."""
        self.low = self.high = 0
        """Smallest and largest binary exponent of a nonzero value that occurred."""
        self.assumed_zero = False
        """A sum vanished within the precision and was taken as zero."""
        self.steps = 0

    def __call__(self, node: Node) -> Any:
        self.steps += 1
        rule = RULES.get(node.kind)
        if rule is None or self.steps > MAX_STEPS:
            raise Inexact(node.kind)
        return self.seen(rule(self, node))

    def seen(self, value: Any) -> Any:
        """Books the magnitude; a complex value without imaginary part is real from here on."""
        if self.field.complex and not value.imag:
            value = value.real
        if value:
            size = self.field.magnitude(value)
            self.low, self.high = min(self.low, size), max(self.high, size)
        return value

    def settle(self, value: Any, scale: int) -> Any:
        """A value that is tiny beside its scale is taken as zero; otherwise what cancelled is booked as lost."""
        if not value:
            self.assumed_zero = True
            return value
        size = self.field.magnitude(value)
        if size < scale - self.field.bits // 2:
            self.assumed_zero = True
            return self.field.number(0)
        self.lost += max(0, scale - size)
        return value

    def bounded(self, value: Any) -> Any:
        """Arguments of functions: a huge one would ask for as many bits as its exponent says."""
        if value and self.field.magnitude(value) > self.field.reach:
            raise Inexact("argument too large")
        self.lost += max(0, self.field.magnitude(value)) if value else 0
        return value

    @property
    def needed(self) -> int:
        """Bits at which a vanishing difference cannot hide anything any more."""
        return GUARD + self.lost + self.width + 2 * (self.high - self.low)


def _number(self: Estimate, node: Node) -> Any:
    value = node.value
    self.width = max(self.width, value.numerator.bit_length() + value.denominator.bit_length())
    return self.field.number(value)


def _sum(self: Estimate, node: Node) -> Any:
    return _total(self, [self(term) for term in node.args])


def _total(self: Estimate, terms: list[Any]) -> Any:
    scale = max((self.field.magnitude(term) for term in terms if term), default=None)
    total = self.field.number(0)
    for term in terms:
        total = total + term
    return total if scale is None else self.settle(total, scale)


def _product(self: Estimate, node: Node) -> Any:
    return _multiplied(self, [self(factor) for factor in node.args])


def _multiplied(self: Estimate, factors: list[Any]) -> Any:
    value = self.field.number(1)
    for factor in factors:
        value = value * factor
    return value


def _quotient(self: Estimate, node: Node) -> Any:
    top, bottom = self(node.args[0]), self(node.args[1])
    if not bottom:
        raise Undefined("division by zero")
    return top / bottom


def _power(self: Estimate, node: Node) -> Any:
    base, exponent = self(node.args[0]), node.args[1]
    if exponent.kind == "num":
        count = exponent.value
        if count.denominator == 1:
            return _integer_power(self, base, count.numerator)
        return _root(self, base, count)
    value = self.bounded(self(exponent))
    if not base:
        raise Undefined("power of zero")
    field = self.field
    if field.is_real(base) and base < 0 and not field.complex:
        if not field.is_real(value) or value != field.floor(value):
            raise Undefined("power of a negative number")
        size = field.exp(self.bounded(value * field.ln(-base)))
        return -size if int(value) % 2 else size
    return field.exp(self.bounded(value * field.ln(base)))


def _integer_power(self: Estimate, base: Any, count: int) -> Any:
    if not base and count <= 0:
        raise Undefined("power of zero")
    if count.bit_length() > 64:
        raise Inexact("exponent too large")
    self.lost += count.bit_length()
    return base**count


def _root(self: Estimate, base: Any, count: Fraction) -> Any:
    """The real root of a negative number for odd degrees; a complex one for even degrees, where i is about."""
    field = self.field
    if not base:
        if count < 0:
            raise Undefined("division by zero")
        return base
    if field.is_real(base) and base.real < 0:
        if count.denominator % 2 == 0:
            if field.complex:
                return field.root(base, count.denominator) ** count.numerator
            raise Undefined("even root of a negative number")
        base = base.real
        value = field.root(-base, count.denominator) ** count.numerator
        return -value if count.numerator % 2 else value
    return field.root(base, count.denominator) ** count.numerator


def _function(self: Estimate, node: Node) -> Any:
    rule = FUNCTIONS.get(node.name)
    if rule is None:
        raise Inexact(node.name)
    return rule(self, *[self(arg) for arg in node.args])


def _analytic(name: str) -> Callable[[Estimate, Any], Any]:
    """A function of the field whose zeros lie at nonzero arguments."""

    def rule(self: Estimate, value: Any) -> Any:
        result = self.field.call(name, self.bounded(value))
        return self.settle(result, 0) if value else result

    return rule


def _reciprocal(name: str) -> Callable[[Estimate, Any], Any]:
    inner = _analytic(name)

    def rule(self: Estimate, value: Any) -> Any:
        bottom = inner(self, value)
        if not bottom:
            raise Undefined("division by zero")
        return self.field.number(1) / bottom

    return rule


def _inverse_reciprocal(name: str) -> Callable[[Estimate, Any], Any]:
    inner = _analytic(name)

    def rule(self: Estimate, value: Any) -> Any:
        if not value:
            raise Undefined("division by zero")
        return inner(self, self.field.number(1) / value)

    return rule


def _logarithm(base: int) -> Callable[[Estimate, Any], Any]:
    def rule(self: Estimate, value: Any) -> Any:
        if not value or (not self.field.complex and value < 0):
            raise Undefined("logarithm")
        result = self.settle(self.field.ln(value), 0)
        return result / self.field.ln(self.field.number(base)) if base else result

    return rule


def _step(name: str) -> Callable[[Estimate, Any], Any]:
    """Floor and ceiling jump: right beside an integer nothing can be said."""

    def rule(self: Estimate, value: Any) -> Any:
        if not self.field.is_real(value):
            raise Inexact(name)
        nearest = self.field.floor(value + self.field.number(Fraction(1, 2)))
        if abs(value - nearest) * (1 << 30) < 1:
            if value != nearest:
                raise Inexact(name)
            return nearest
        return self.field.floor(value) + (1 if name == "ceil" else 0)

    return rule


def _factorial(self: Estimate, node: Node) -> Any:
    value = self(node.args[0])
    if not self.field.is_real(value) or value < 0:
        raise Undefined("factorial")
    if node.kind == "dfact":
        raise Inexact("double factorial")
    return self.field.call("factorial", self.bounded(value))


def _binomial(self: Estimate, node: Node) -> Any:
    top, bottom = self.bounded(self(node.args[0])), self.bounded(self(node.args[1]))
    if not (self.field.is_real(top) and self.field.is_real(bottom) and 0 <= bottom <= top):
        raise Undefined("binomial")
    top, bottom, rest = (self.field.call("factorial", value) for value in (top, bottom, top - bottom))
    return top / bottom / rest


def _repeated(join: Callable[[Estimate, list[Any]], Any]) -> Callable[[Estimate, Node], Any]:
    def rule(self: Estimate, node: Node) -> Any:
        outer, values = self.values, []
        for index in index_values(Rational(outer), node):
            self.values = {**outer, node.name: Fraction(index)}
            values.append(self(node.args[0]))
        self.values = outer
        return join(self, values)

    return rule


def _constant(self: Estimate, node: Node) -> Any:
    if node.name == "oo":
        raise Inexact("infinity")
    return self.field.constant(node.name)


def _symbol(self: Estimate, node: Node) -> Any:
    if node.name not in self.values:
        raise Inexact(node.name)
    return self.field.number(self.values[node.name])


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: _analytic(name) for name in ("sin", "cos", "tan", "arcsin", "arccos", "arctan")},
    **{name: _analytic(name) for name in ("sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh")},
    "cot": _reciprocal("tan"),
    "sec": _reciprocal("cos"),
    "csc": _reciprocal("sin"),
    "coth": _reciprocal("tanh"),
    "sech": _reciprocal("cosh"),
    "csch": _reciprocal("sinh"),
    "arcsec": _inverse_reciprocal("arccos"),
    "arccsc": _inverse_reciprocal("arcsin"),
    "arccot": _inverse_reciprocal("arctan"),
    "ln": _logarithm(0),
    "log10": _logarithm(10),
    "abs": lambda self, value: abs(value),
    "norm": lambda self, value: abs(value),
    "floor": _step("floor"),
    "ceil": _step("ceil"),
    "conj": lambda self, value: value.conjugate(),
    "Re": lambda self, value: value.real,
    "Im": lambda self, value: value.imag,
    "max": lambda self, *values: max(values),
    "min": lambda self, *values: min(values),
}
RULES: dict[str, Callable[[Estimate, Node], Any]] = {
    "num": _number,
    "sym": _symbol,
    "const": _constant,
    "add": _sum,
    "neg": lambda self, node: -self(node.args[0]),
    "mul": _product,
    "div": _quotient,
    "pow": _power,
    "fact": _factorial,
    "binom": _binomial,
    "func": _function,
    "sum": _repeated(_total),
    "prod": _repeated(_multiplied),
}
