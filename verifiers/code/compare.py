"""Named comparators. The task chooses one; none is guessed from the data.

Texts: `exact` ignores one final newline, nothing else. `lines` ignores space at the ends of lines and blank lines at
the ends of the text. `tokens` reads words. `decimal` is LiveCodeBench's rule: as many lines, each equal as text or
token by token as exact decimal numbers (3 is 3.0; no tolerance). `float` is `tokens` with a tolerance.
`unordered_lines` is `lines` in any order. `json` compares parsed values. Values of calls: `==` on plain values, or
`float`.
"""

import json
import math
from collections import Counter
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from verifiers.code.reference import Tests

MAX_DIGITS = 400
"""Longest token that is read as a number. A longer one is compared as text."""


def same_text(expected: str, actual: str, tests: Tests) -> bool:
    """The comparator of `tests` (default `decimal`) on two texts. `checker` is not decided here."""
    comparator = tests.comparator or "decimal"
    if comparator == "float":
        return _tokens(expected, actual, lambda one, two: close(one, two, tests))
    return _TEXT[comparator](expected, actual)


def same_value(expected: Any, actual: Any, tests: Tests) -> bool:
    """A call's value beside one that came from JSON: tuples count as lists, keys are as JSON writes them."""
    actual = as_json(actual)
    if tests.comparator == "float":
        return close_values(expected, actual, tests)
    if tests.comparator in (None, "exact", "json"):
        return bool(expected == actual)
    if isinstance(expected, str) and isinstance(actual, str):
        return same_text(expected, actual, tests)
    return bool(expected == actual)


def as_json(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    if isinstance(value, dict):
        return {key_as_json(key): as_json(item) for key, item in value.items()}
    return value


def key_as_json(key: Any) -> Any:
    if isinstance(key, bool) or key is None:
        return {True: "true", False: "false", None: "null"}[key]
    return str(key) if isinstance(key, int) and key.bit_length() < 1000 else key


def close_values(expected: Any, actual: Any, tests: Tests) -> bool:
    """Equal but for numbers, which may differ by the tolerance. Booleans are no numbers here."""
    if isinstance(expected, list) and isinstance(actual, list):
        pairs = zip(expected, actual, strict=False)
        return len(expected) == len(actual) and all(close_values(one, two, tests) for one, two in pairs)
    if isinstance(expected, dict) and isinstance(actual, dict):
        return expected.keys() == actual.keys() and all(
            close_values(value, actual[key], tests) for key, value in expected.items()
        )
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, (int, float)) and isinstance(actual, (int, float)):
        return near(expected, actual, tests)
    return bool(expected == actual)


def near(expected: float, actual: float, tests: Tests) -> bool:
    """Tolerance relative to the expected value only, so that a wild answer cannot widen it."""
    if expected == actual:
        return True
    try:
        difference = abs(float(actual) - float(expected))
    except OverflowError:
        return False
    bound = max(tests.abs_tol, tests.rel_tol * abs(expected))
    return math.isfinite(difference) and math.isfinite(bound) and difference <= bound


def close(expected: str, actual: str, tests: Tests) -> bool:
    if expected == actual:
        return True
    one, two = number(expected), number(actual)
    if one is None or two is None:
        return False
    return one == two or near(float(one), float(two), tests)


def number(token: str) -> Decimal | None:
    """A finite decimal number, or None."""
    if len(token) > MAX_DIGITS:
        return None
    try:
        value = Decimal(token)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _exact(expected: str, actual: str) -> bool:
    return expected.removesuffix("\n") == actual.removesuffix("\n")


def _stripped(text: str) -> list[str]:
    return [line.strip() for line in text.strip().split("\n")]


def _tokens(expected: str, actual: str, same: Callable[[str, str], bool]) -> bool:
    one, two = expected.split(), actual.split()
    return len(one) == len(two) and all(map(same, one, two))


def _decimal_token(expected: str, actual: str) -> bool:
    return expected == actual or ((value := number(expected)) is not None and value == number(actual))


def _decimal(expected: str, actual: str) -> bool:
    one, two = _stripped(expected), _stripped(actual)
    return len(one) == len(two) and all(
        left == right or _tokens(left, right, _decimal_token) for left, right in zip(one, two, strict=True)
    )


def _json(expected: str, actual: str) -> bool:
    try:
        return same_json(json.loads(expected), json.loads(actual))
    except (ValueError, RecursionError):
        return False


def same_json(one: Any, two: Any) -> bool:
    """JSON's equality: 1 is 1.0, but true is not 1."""
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(same_json, one, two))
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(same_json(value, two[key]) for key, value in one.items())
    return isinstance(one, bool) == isinstance(two, bool) and bool(one == two)


_TEXT: dict[str, Callable[[str, str], bool]] = {
    "exact": _exact,
    "lines": lambda expected, actual: _stripped(expected) == _stripped(actual),
    "tokens": lambda expected, actual: expected.split() == actual.split(),
    "decimal": _decimal,
    "unordered_lines": lambda expected, actual: Counter(_stripped(expected)) == Counter(_stripped(actual)),
    "json": _json,
}
