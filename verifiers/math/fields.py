"""Two number systems behind one interface: machine floats, and mpmath at a fixed number of bits.

mpmath is imported on first use (0.2 s). Contexts are kept per thread, because mpmath changes their precision while it
works.
"""

import cmath
import math
import threading
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

from verifiers.math.rational import Inexact, Undefined


class Field(NamedTuple):
    """The operations that `Estimate` needs. Values support `+ - * / ** abs` themselves."""

    bits: int
    reach: int
    """Largest binary exponent of a function's argument."""
    complex: bool
    """Take complex values; otherwise a root of a negative number is undefined."""
    number: Callable[[Fraction | int], Any]
    magnitude: Callable[[Any], int]
    """The binary exponent of a nonzero value."""
    functions: dict[str, Callable[[Any], Any]]
    root: Callable[[Any, int], Any]
    floor: Callable[[Any], Any]
    constants: dict[str, Any]

    def is_real(self, value: Any) -> bool:
        return not value.imag

    def call(self, name: str, value: Any) -> Any:
        """A function by its name, e.g. `sin`. Raises Undefined outside its (real) domain."""
        try:
            result = self.functions[name](value)
        except (ValueError, ZeroDivisionError) as error:
            raise Undefined(name) from error
        if result.imag and not self.complex:
            raise Undefined(name)
        return result

    def exp(self, value: Any) -> Any:
        return self.call("exp", value)

    def ln(self, value: Any) -> Any:
        return self.call("ln", value)

    def constant(self, name: str) -> Any:
        if name not in self.constants:
            raise Inexact(name)
        return self.constants[name]


SHORT_NAMES = {
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh",
    "ln": "log",
}  # fmt: skip
NAMES = ["sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", *SHORT_NAMES]


def float_field(*, complex: bool) -> Field:
    """IEEE doubles. Overflow raises OverflowError, which the caller takes as no answer."""
    source = cmath if complex else math
    functions: dict[str, Callable[[Any], Any]] = {n: getattr(source, SHORT_NAMES.get(n, n)) for n in NAMES}
    functions["factorial"] = lambda value: math.gamma(value.real + 1)
    constants: dict[str, Any] = {"pi": math.pi, "e": math.e, "i": 1j}
    return Field(53, 30, complex, _to_float, _float_magnitude, functions, _float_root, _float_floor, constants)


def _to_float(value: Fraction | int) -> float:
    return float(value)


def _float_magnitude(value: Any) -> int:
    return math.frexp(abs(value))[1]


def _float_root(value: Any, degree: int) -> Any:
    if degree > 2:
        return value ** (1 / degree)
    return cmath.sqrt(value) if value.imag or value.real < 0 else math.sqrt(value.real)


def _float_floor(value: Any) -> Any:
    return float(math.floor(value.real))


_known = threading.local()


def precise_field(bits: int, *, complex: bool) -> Field:
    """mpmath numbers of the given precision."""
    fields: dict[tuple[int, bool], Field] = _known.__dict__.setdefault("fields", {})
    if (bits, complex) not in fields:
        if len(fields) > 64:
            fields.clear()
        fields[bits, complex] = _precise_field(bits, complex)
    return fields[bits, complex]


def _precise_field(bits: int, complex: bool) -> Field:
    from mpmath.ctx_mp import MPContext  # type: ignore[import-untyped]

    context = MPContext()
    context.prec = bits
    functions = {name: getattr(context, SHORT_NAMES.get(name, name)) for name in NAMES}
    functions["factorial"] = lambda value: context.gamma(value.real + 1)
    constants = {"pi": +context.pi, "e": +context.e, "i": context.mpc(0, 1)}

    def number(value: Fraction | int) -> Any:
        return context.mpf(value.numerator) / value.denominator

    def floor(value: Any) -> Any:
        return context.floor(value.real)

    return Field(bits, bits, complex, number, context.mag, functions, context.root, floor, constants)
