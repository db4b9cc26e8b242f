"""What test code sees in place of the program under test: its names, its objects, and results not known yet.

All of them ask the session to have the program read an attribute or make a call. Plain results are plain values. An
object of the program's own class becomes a `Handle` only where the test itself treats the result as such an object, by
reaching for attributes that no built-in value has. Anywhere else it stays opaque: an object that claims to equal, hold
or be close to everything never meets the expected value.
"""

from collections.abc import Callable
from typing import Any, Protocol

from verifiers.code.guest.codec import TYPES

BINARY = "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift"
ORDER = "eq ne lt le gt ge"
REMOTE = "len getitem setitem delitem contains str repr abs neg iter next enter exit"
DERIVED = "getitem setitem delitem abs neg pos invert round enter exit"
FIXED = {"bool": True, "int": 0, "float": 0.0, "index": 0, "len": 0, "str": "", "repr": "", "contains": True, "hash": 0}
COMMON = frozenset(name for kind in TYPES.values() for name in dir(kind))
"""Attributes of built-in values. A test that uses only these may well expect a plain value."""


class Undetermined(BaseException):
    """What the test does next depends on a value that is not known yet."""


class Session(Protocol):
    """Makes calls into the program. `words` is None to read an attribute instead of calling."""

    objects: set[str]
    """Names of functions, classes and attributes that give objects of the program's own classes."""

    def ask(self, target: Any, attribute: str | None, args: tuple[Any, ...], words: dict[str, Any] | None) -> Any: ...


class StandIn:
    """`reference` names it in a call: {"name": ...} for a global name, {"ref": n} for the result of call n."""

    def __init__(self, session: Session, reference: dict[str, Any] | None, origin: str) -> None:
        self._session, self._reference, self._origin = session, reference, origin

    def target(self) -> dict[str, Any]:
        if self._reference is None:
            raise Undetermined
        return self._reference

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return self._session.ask(self.target(), attribute, (), None)

    def __call__(self, *args: Any, **words: Any) -> Any:
        return self._session.ask(self.target(), None, args, words)


class Name(StandIn):
    """A function or class that the program defines."""

    def __instancecheck__(self, instance: Any) -> bool:
        return isinstance(instance, Unknown) or (isinstance(instance, Handle) and instance.kind == self._origin)


class Handle(StandIn):
    """An object that lives with the program. It may equal another one, if the program says so, but no plain value."""

    def __init__(self, session: Session, reference: dict[str, Any], origin: str, kind: str) -> None:
        super().__init__(session, reference, origin)
        self.kind = kind

    def __hash__(self) -> int:
        return id(self)

    def __bool__(self) -> bool:
        try:
            return bool(self._session.ask(self.target(), "__bool__", (), {}))
        except AttributeError:
            return True


class Unknown(StandIn):
    """A result that is not known yet. Any use is taken, so that test code goes on to its next call."""

    def __getattr__(self, attribute: str) -> Any:
        if self._reference is None and not attribute.startswith("__"):
            return self
        if attribute not in COMMON or (self._origin[:1].isupper() and "_" not in self._origin):
            self._session.objects.add(self._origin)
        return super().__getattr__(attribute)

    def __call__(self, *args: Any, **words: Any) -> Any:
        if self._reference is None:
            return self
        self._session.objects.add(self._origin)
        return super().__call__(*args, **words)

    def __iter__(self) -> Any:
        return iter(())


def _remote(name: str) -> Callable[..., Any]:
    return lambda self, *args: self._session.ask(self.target(), f"__{name}__", args, {})


def _compared(name: str) -> Callable[[Handle, Any], Any]:
    remote = _remote(name)
    return lambda self, other: remote(self, other) if isinstance(other, Handle) else NotImplemented


def _derived(self: Unknown, *_: Any) -> Unknown:
    return Unknown(self._session, None, "")


def _fixed(value: Any) -> Callable[..., Any]:
    return lambda self, *_: value


for _name in REMOTE.split():
    setattr(Handle, f"__{_name}__", _remote(_name))
for _name in BINARY.split():
    setattr(Handle, f"__{_name}__", _remote(_name))
    setattr(Unknown, f"__{_name}__", _derived)
    setattr(Unknown, f"__r{_name}__", _derived)
for _name in ORDER.split():
    setattr(Handle, f"__{_name}__", _compared(_name))
    setattr(Unknown, f"__{_name}__", _fixed(True))
for _name in DERIVED.split():
    setattr(Unknown, f"__{_name}__", _derived)
for _name, _value in FIXED.items():
    setattr(Unknown, f"__{_name}__", _fixed(_value))
