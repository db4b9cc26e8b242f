"""What only computer algebra can decide: infinite and symbolic sums and products, definite integrals, limits.

SymPy does it, and nothing bounds its time: run this in a process that can be killed. Values at 30 digits come first,
because most answers are wrong and that shows at once; only what agrees there is worth a proof. An integral without
bounds is no final answer and stays undecided.
"""

from collections.abc import Callable
from typing import Any

import sympy

from verifiers.math.nodes import Node, contains, walk
from verifiers.math.rational import fold
from verifiers.math.scalar import Outcome

MAX_NODES = 80
MAX_NUMBER_BITS = 128
DIGITS = 30
APART = sympy.Float("1e-9")
"""Relative distance that the values of slowly converging sums can be trusted to."""

UNDECIDED = Outcome(None, "undecided")


class _Unconvertible(Exception):
    """A node that has no counterpart in SymPy."""


def same_symbolic(left: Node, right: Node) -> Outcome:
    """Equality of two scalars that hold a sum, a product, an integral or a limit."""
    try:
        one, two = _convert(fold(left)), _convert(fold(right))
        size = sum(1 for node in (left, right) for _ in walk(node))
        if size > MAX_NODES or any(contains(node, "int") and _indefinite(node) for node in (left, right)):
            return UNDECIDED
        return _decide(one, two)
    except _Unconvertible:
        return UNDECIDED
    except (ArithmeticError, ValueError, TypeError, AttributeError, NotImplementedError, RecursionError):
        return UNDECIDED  # SymPy raises these for inputs that it cannot treat


def _decide(one: Any, two: Any) -> Outcome:
    if not (one - two).free_symbols:
        values = [sympy.N(side, DIGITS) for side in (one, two)]
        if all(value.is_number and value.is_finite for value in values):
            scale = max(abs(value) for value in values)
            if abs(values[0] - values[1]) > APART * max(scale, sympy.Float("1e-9")):
                return Outcome(False, "sympy")
    gap = one.doit() - two.doit()
    if gap.has(sympy.Sum, sympy.Product, sympy.Integral, sympy.Limit):
        return UNDECIDED
    same = gap.equals(0)
    return UNDECIDED if same is None else Outcome(bool(same), "sympy")


def _indefinite(node: Node) -> bool:
    return any(part.kind == "int" and len(part.args) == 1 for part in walk(node))


def _convert(node: Node) -> Any:
    rule = RULES.get(node.kind)
    if rule is None:
        raise _Unconvertible(node.kind)
    return rule(node)


def _number(node: Node) -> Any:
    if max(node.value.numerator.bit_length(), node.value.denominator.bit_length()) > MAX_NUMBER_BITS:
        raise _Unconvertible("number too long")
    return sympy.Rational(node.value.numerator, node.value.denominator)


def _function(node: Node) -> Any:
    name = FUNCTIONS.get(node.name)
    if name is None:
        raise _Unconvertible(node.name)
    return name(*map(_convert, node.args))


def _bounded(operator: Callable[..., Any]) -> Callable[[Node], Any]:
    def rule(node: Node) -> Any:
        body, *bounds = map(_convert, node.args)
        return operator(body, (sympy.Symbol(node.name, real=True), *bounds))

    return rule


def _limit(node: Node) -> Any:
    body, to = map(_convert, node.args)
    return sympy.Limit(body, sympy.Symbol(node.name, real=True), to, "+-" if to.is_finite else "+")


CONSTANTS = {"pi": sympy.pi, "e": sympy.E, "i": sympy.I, "oo": sympy.oo}
FUNCTIONS: dict[str, Any] = {
    "sin": sympy.sin, "cos": sympy.cos, "tan": sympy.tan, "cot": sympy.cot, "sec": sympy.sec, "csc": sympy.csc,
    "arcsin": sympy.asin, "arccos": sympy.acos, "arctan": sympy.atan, "sinh": sympy.sinh, "cosh": sympy.cosh,
    "tanh": sympy.tanh, "ln": sympy.log, "log": sympy.log, "abs": sympy.Abs, "floor": sympy.floor,
    "ceil": sympy.ceiling, "max": sympy.Max, "min": sympy.Min,
}  # fmt: skip
RULES: dict[str, Callable[[Node], Any]] = {
    "num": _number,
    "sym": lambda node: sympy.Symbol(node.name, real=True),
    "const": lambda node: CONSTANTS[node.name],
    "add": lambda node: sympy.Add(*map(_convert, node.args)),
    "neg": lambda node: -_convert(node.args[0]),
    "mul": lambda node: sympy.Mul(*map(_convert, node.args)),
    "div": lambda node: _convert(node.args[0]) / _convert(node.args[1]),
    "pow": lambda node: sympy.Pow(*map(_convert, node.args)),
    "fact": lambda node: sympy.factorial(_convert(node.args[0])),
    "binom": lambda node: sympy.binomial(*map(_convert, node.args)),
    "func": _function,
    "sum": _bounded(sympy.Sum),
    "prod": _bounded(sympy.Product),
    "int": _bounded(sympy.Integral),
    "lim": _limit,
}
