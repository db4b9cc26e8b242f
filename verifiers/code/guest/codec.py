"""Python values as JSON that keeps their exact types, so that code outside can compare what a program returned.

The encoder runs next to untrusted code. It reads the storage of built-in types with the methods of those types, so a
subclass that calls itself equal to everything arrives as the plain value it holds, and a `Counter` as its dict.
Objects of any other class arrive as `Opaque`, which equals nothing but itself. The decoder runs outside, executes
nothing and refuses what the encoder would not write.
"""

import collections
import sys
from collections.abc import Callable, Iterable, Iterator
from types import GeneratorType
from typing import Any

MAX_DEPTH = 150
MAX_ITEMS = 2_000_000
MAX_ITERATOR = 20_000
BIG = 1 << 63
MAX_INT_DIGITS = 60_000
"""Hexadecimal digits of the longest integer that may cross: 240,000 bits, 72,000 decimal digits."""
MAX_COLLISIONS = 1000
"""Different members of one set or dict with the same hash; more are an attack on the process that decodes."""

TYPES: dict[str, type] = {
    kind.__name__: kind
    for kind in (int, float, complex, bool, str, bytes, list, tuple, set, frozenset, dict, type(None))
}
STORAGE: dict[type, Callable[[Any], Any]] = {
    int: int.__int__,
    float: float.__float__,
    complex: complex.__pos__,
    str: str.__str__,
    bytes: lambda value: bytes.__getitem__(value, slice(None)),
    bytearray: bytearray.copy,
    list: list.copy,
    tuple: lambda value: tuple.__getitem__(value, slice(None)),
    set: lambda value: {*set.__iter__(value)},
    frozenset: lambda value: frozenset({*frozenset.__iter__(value)}),
    dict: lambda value: {**dict(dict.items(value))},
}
VIEWS: dict[type, str] = {type({}.keys()): "keys", type({}.values()): "values", type({}.items()): "items"}


class TooLarge(ValueError):
    """The value is too deep or too long to be sent."""


class Malformed(ValueError):
    """The text was not written by this encoder."""


class Opaque:
    """Stands outside for an object whose class only the program knows."""

    def __init__(self, name: str, holder: object = None) -> None:
        self.name = name
        self.holder = holder

    def __repr__(self) -> str:
        return f"<{self.name} object>"


class Encoder:
    """One message. `unknown` turns an object of any other class into JSON, or raises."""

    def __init__(self, unknown: Callable[[Any], Any] | None = None) -> None:
        self.unknown = unknown or (lambda value: {"object": type(value).__name__[:100]})
        self.items = 0

    def encode(self, value: Any, depth: int = 0) -> Any:
        self.items += 1
        if depth > MAX_DEPTH or self.items > MAX_ITEMS:
            raise TooLarge("value is nested too deeply or holds too many items")
        kind = type(value)
        if value is None or kind is bool or kind is str:
            return value
        if kind is int:
            return value if -BIG < value < BIG else {"int": self._big(value)}
        if kind is float:
            return value if value - value == 0.0 else {"float": repr(value)}
        if kind is list:
            return [self.encode(item, depth + 1) for item in value]
        return self._tagged(value, kind, depth)

    def _big(self, value: int) -> str:
        if value.bit_length() > 4 * MAX_INT_DIGITS:
            raise TooLarge(f"integer of {value.bit_length()} bits")
        return hex(value)

    def _many(self, values: Iterable[Any], depth: int) -> list[Any]:
        return [self.encode(item, depth + 1) for item in values]

    def _tagged(self, value: Any, kind: type[Any], depth: int) -> Any:
        if kind is dict or kind is collections.OrderedDict:
            return {
                "dict": [[self.encode(key, depth + 1), self.encode(item, depth + 1)] for key, item in value.items()]
            }
        if kind in (tuple, set, frozenset, collections.deque):
            return {kind.__name__: self._many(value, depth)}
        if kind in VIEWS:
            return {VIEWS[kind]: self._many(value, depth)}
        if kind is complex:
            return {"complex": [self.encode(value.real), self.encode(value.imag)]}
        if kind is bytes or kind is bytearray:
            return {kind.__name__: value.hex()}
        if kind is range:
            if len(value) > MAX_ITEMS:
                raise TooLarge(f"range of {len(value)} numbers")
            return {"range": [self.encode(edge) for edge in (value.start, value.stop, value.step)]}
        if kind is type and value in TYPES.values():
            return {"type": str(value.__name__)}
        return self._foreign(value, kind, depth)

    def _foreign(self, value: Any, kind: type, depth: int) -> Any:
        """Subclasses of built-in types, values of the standard library, iterators, NumPy; then the unknown."""
        for base in type.mro(kind)[1:] if kind is not type else ():
            if base in STORAGE:
                return self.encode(STORAGE[base](value), depth)
        named = _standard(value, kind)
        if named is not None:
            return {named[0]: self._many(named[1], depth)}
        if kind.__module__ == "numpy" and hasattr(kind, "tolist"):
            return self.encode(value.tolist(), depth + 1)
        if isinstance(value, GeneratorType) or (
            kind.__module__ in ("builtins", "itertools") and hasattr(kind, "__next__")
        ):
            return {"iterator": self._many(_bounded(value), depth)}
        return self.unknown(value)


def _bounded(values: Iterator[Any]) -> Iterator[Any]:
    for count, item in enumerate(values):
        if count == MAX_ITERATOR:
            raise TooLarge(f"iterator of more than {MAX_ITERATOR} items")
        yield item


def _standard(value: Any, kind: type) -> tuple[str, list[Any]] | None:
    """Values of `decimal`, `fractions` and `datetime`; these modules are looked at only when they are in use."""
    module = sys.modules.get(kind.__module__)
    if kind.__module__ not in ("decimal", "fractions", "datetime") or getattr(module, kind.__name__, None) is not kind:
        return None
    name = kind.__name__
    if name == "Decimal":
        return name, [str(value)]
    if name == "Fraction":
        return name, [value.numerator, value.denominator]
    if name == "timedelta":
        return name, [value.days, value.seconds, value.microseconds]
    return (name, [value.isoformat()]) if name in ("datetime", "date", "time") else None


def decode(data: Any, known: Callable[[str, Any], Any] | None = None) -> Any:
    """The value behind `data`. `known` may take tags of its own. Raises Malformed."""
    return _Decoder(known).decode(data, 0)


class _Decoder:
    """One message, within the encoder's bounds: what is deeper or holds more was not written by it."""

    def __init__(self, known: Callable[[str, Any], Any] | None) -> None:
        self.known = known
        self.items = 0

    def decode(self, data: Any, depth: int) -> Any:
        self.items += 1
        if depth > MAX_DEPTH + 1 or self.items > 2 * MAX_ITEMS:  # the parts of a pair, a range or a complex count here
            raise Malformed("nested too deeply, or too many items")
        if data is None or isinstance(data, (bool, int, float, str)):
            return data
        if isinstance(data, list):
            return self._many(data, depth)
        if not isinstance(data, dict) or len(data) != 1:
            raise Malformed("expected a value or one tag")
        (tag, body), *_ = data.items()
        try:
            if tag == "dict":
                pairs = [(self.decode(key, depth + 1), self.decode(item, depth + 1)) for key, item in body]
                return dict(spread(pairs, [key for key, _ in pairs]))
            if tag in _DECODERS:
                return _DECODERS[tag](body if isinstance(body, str) else self._many(body, depth))
            if self.known is not None:
                return self.known(tag, body)
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            raise Malformed(f"bad {tag!r}: {error}") from error
        raise Malformed(f"unknown tag {tag[:40]!r}")

    def _many(self, body: list[Any], depth: int) -> list[Any]:
        return [self.decode(item, depth + 1) for item in body]


def spread(values: list[Any], keys: list[Any]) -> list[Any]:
    """`values`, when a hash table of `keys` is quick to build."""
    if len(keys) > MAX_COLLISIONS and len({*map(hash, keys)}) + MAX_COLLISIONS < len(keys):
        raise Malformed("too many equal hashes")
    return values


def _range(body: list[int]) -> range:
    numbers = range(*body)
    if len(numbers) > MAX_ITEMS:
        raise Malformed("range too long")
    return numbers


def _integer(text: str) -> int:
    if len(text) > MAX_INT_DIGITS + 3:
        raise Malformed("integer too long")
    return int(text, 16)


def _decimal(body: list[str]) -> Any:
    """A signalling NaN, which no comparison survives, arrives as a quiet one."""
    from decimal import Decimal

    value = Decimal(body[0])
    return Decimal("NaN") if value.is_snan() else value


def _fraction(body: list[int]) -> Any:
    from fractions import Fraction

    if max(part.bit_length() for part in body) > 10_000:
        raise Malformed("fraction too long")
    return Fraction(*body)


def _moment(name: str) -> Callable[[list[Any]], Any]:
    def decoder(body: list[Any]) -> Any:
        import datetime

        kind = getattr(datetime, name)
        return kind(*body) if name == "timedelta" else kind.fromisoformat(*body)

    return decoder


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "int": _integer,
    "float": float,
    "complex": lambda body: complex(*body),
    "tuple": tuple,
    "set": lambda body: {*spread(body, body)},
    "frozenset": lambda body: frozenset(spread(body, body)),
    "deque": collections.deque,
    "keys": lambda body: dict.fromkeys(spread(body, body)).keys(),
    "values": lambda body: dict(enumerate(body)).values(),
    "items": lambda body: dict(spread(body, [key for key, _ in body])).items(),
    "bytes": bytes.fromhex,
    "bytearray": bytearray.fromhex,
    "range": _range,
    "type": TYPES.__getitem__,
    "iterator": iter,
    "object": lambda body: Opaque(str(body).encode("utf-8", "replace").decode()),
    "Decimal": _decimal,
    "Fraction": _fraction,
    **{name: _moment(name) for name in ("datetime", "date", "time", "timedelta")},
}
