"""Evaluates the expression of an assertion outside the sandbox, on values that came out of it.

A small part of Python without attributes, loops or names of one's own: literals, containers, comparisons, arithmetic
of bounded size and a table of functions. Anything else raises Unsupported, and the assertion is replayed in a sandbox.
"""

import ast
import builtins
import math
import operator
from collections.abc import Callable
from types import EllipsisType, NoneType
from typing import Any

from verifiers.code.guest.codec import spread

MAX_BITS = 20_000


class Unsupported(Exception):
    """This evaluator does not know the construct; it may be fine in Python."""


BUILT_IN = (
    "abs all any bool complex dict float frozenset int isinstance len list max min repr reversed round set sorted str "
    "sum tuple type zip"
)
MATHEMATICAL = "ceil e fabs floor inf isclose isfinite isinf isnan nan pi sqrt tau trunc"
FUNCTIONS: dict[str, Callable[..., Any]] = {name: getattr(builtins, name) for name in BUILT_IN.split()}
MATH: dict[str, Any] = {name: getattr(math, name) for name in MATHEMATICAL.split()}
COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda item, holder: item in holder,
    ast.NotIn: lambda item, holder: item not in holder,
}
NUMBERS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Not: operator.not_,
    ast.Invert: operator.invert,
}
PLAIN = (int, float, complex, str, bytes, list, tuple, set, frozenset, dict, range, type, NoneType, EllipsisType)
"""Types whose operations cost no more than their size. `Decimal("1e999999999")` is not among them."""

Hook = Callable[[ast.expr], Any]
"""Gives the value of a node that the caller knows, or raises LookupError."""


def evaluate(node: ast.expr, known: Hook) -> Any:
    """The value of `node`. Errors of the expression itself come through as Python raises them."""
    try:
        return known(node)
    except LookupError:
        pass
    handler = _HANDLERS.get(type(node))
    if handler is None:
        raise Unsupported(type(node).__name__)
    return handler(node, known)


def _name(node: ast.Name, known: Hook) -> Any:
    if node.id in FUNCTIONS:
        return FUNCTIONS[node.id]
    raise Unsupported(f"name {node.id}")


def _attribute(node: ast.Attribute, known: Hook) -> Any:
    if isinstance(node.value, ast.Name) and node.value.id == "math" and node.attr in MATH:
        return MATH[node.attr]
    raise Unsupported(f"attribute {node.attr}")


def _items(nodes: list[ast.expr], known: Hook) -> list[Any]:
    return [evaluate(node, known) for node in nodes]


def _dict(node: ast.Dict, known: Hook) -> dict[Any, Any]:
    if None in node.keys:
        raise Unsupported("** in a dict")
    keys = [evaluate(key, known) for key in node.keys if key is not None]
    return dict(zip(keys, _items(node.values, known), strict=True))


def _compare(node: ast.Compare, known: Hook) -> bool:
    left = evaluate(node.left, known)
    for kind, right_node in zip(node.ops, node.comparators, strict=True):
        right = evaluate(right_node, known)
        if not COMPARE[type(kind)](left, right):
            return False
        left = right
    return True


def _boolean(node: ast.BoolOp, known: Hook) -> Any:
    stop_at = isinstance(node.op, ast.Or)
    value: Any = None
    for part in node.values:
        value = evaluate(part, known)
        if bool(value) is stop_at:
            break
    return value


def _binary(node: ast.BinOp, known: Hook) -> Any:
    left, right = plain(evaluate(node.left, known)), plain(evaluate(node.right, known))
    kind = type(node.op)
    number = isinstance(left, (int, float, complex)) and isinstance(right, (int, float, complex))
    if kind is ast.Pow and number and small(left) and isinstance(right, int) and abs(right) <= 256:
        return left**right
    if number and kind in NUMBERS and small(left) and small(right):
        return NUMBERS[kind](left, right)
    if isinstance(left, (list, tuple, str)) and kind is ast.Add:
        return left + right
    if (
        isinstance(left, (list, tuple, str))
        and kind is ast.Mult
        and type(right) is int
        and len(left) * right <= 100_000
    ):
        return left * right
    raise Unsupported(f"operator {kind.__name__}")


def _call(node: ast.Call, known: Hook) -> Any:
    function = evaluate(node.func, known)
    if any(isinstance(argument, ast.Starred) for argument in node.args) or any(not word.arg for word in node.keywords):
        raise Unsupported("unpacked arguments")
    words = {str(word.arg): evaluate(word.value, known) for word in node.keywords}
    if not set(words) <= {"rel_tol", "abs_tol", "key", "reverse", "default", "ndigits"}:
        raise Unsupported("keyword argument")
    values = [plain(value) for value in _items(node.args, known)]
    if function in (set, frozenset, dict) and values:
        values[0] = _spread_out(function, values[0])
    return function(*values, **{key: plain(word) for key, word in words.items()})


def _spread_out(function: Any, values: Any) -> Any:
    """The items of a hash table that is quick to build. Raises Malformed, a ValueError, for an attack."""
    if isinstance(values, (set, frozenset, dict)):
        return values
    items = [*values]
    return spread(items, [key for key, _ in items] if function is dict else items)


def _subscript(node: ast.Subscript, known: Hook) -> Any:
    value = plain(evaluate(node.value, known))
    if isinstance(node.slice, ast.Slice):
        edges = (node.slice.lower, node.slice.upper, node.slice.step)
        return value[slice(*(None if edge is None else evaluate(edge, known) for edge in edges))]
    return value[evaluate(node.slice, known)]


def _condition(node: ast.IfExp, known: Hook) -> Any:
    return evaluate(node.body if evaluate(node.test, known) else node.orelse, known)


def plain(value: Any) -> Any:
    """`value`, if what Python does with it is bounded by its size."""
    if isinstance(value, PLAIN) or value in ALLOWED or hasattr(type(value), "__next__"):
        return value
    raise Unsupported(f"value of type {type(value).__name__}")


def small(value: complex) -> bool:
    return not isinstance(value, int) or value.bit_length() <= MAX_BITS


ALLOWED = [*FUNCTIONS.values(), *MATH.values()]

_HANDLERS: dict[type[ast.expr], Callable[[Any, Hook], Any]] = {
    ast.Constant: lambda node, known: node.value,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.List: lambda node, known: _items(node.elts, known),
    ast.Tuple: lambda node, known: tuple(_items(node.elts, known)),
    ast.Set: lambda node, known: set(_items(node.elts, known)),
    ast.Dict: _dict,
    ast.UnaryOp: lambda node, known: UNARY[type(node.op)](evaluate(node.operand, known)),
    ast.Compare: _compare,
    ast.BoolOp: _boolean,
    ast.BinOp: _binary,
    ast.Call: _call,
    ast.Subscript: _subscript,
    ast.IfExp: _condition,
}
