"""Find a verifier by name: the built-ins below, installed packages with a `rlvr.verifiers` entry point, and own files.

A file or module joins by `add`, by the decorator `register`, or through the environment variable RLVR_VERIFIERS, which
also tells the processes that we start. Names come from outside, so a name never is a path: nothing is imported because
a task or a request says so.
"""

import difflib
import importlib
import importlib.util
import os
import sys
from functools import cache, reduce
from hashlib import blake2b
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from verifiers.base import Verifier, VerifierError
from verifiers.call import one_line

GROUP = "rlvr.verifiers"
ENVIRONMENT = "RLVR_VERIFIERS"
"""Holds own verifiers as `file.py:Class` or `module:Class`, separated by commas."""

Class = TypeVar("Class", bound=type)


class Point(NamedTuple):
    """Where a verifier comes from: `module:Class` or `/absolute/file.py:Class`, and who brings it."""

    name: str
    target: str
    source: str = "built-in"


BUILT_IN = [
    Point("exact", "verifiers.exact:ExactVerifier"),
    Point("math", "verifiers.math:MathVerifier"),
    Point("code", "verifiers.code:CodeVerifier"),
    Point("instructions", "verifiers.instructions:InstructionsVerifier"),
    Point("choice", "verifiers.choice:ChoiceVerifier"),
    Point("numeric", "verifiers.numeric:NumericVerifier"),
    Point("regex", "verifiers.regex:RegexVerifier"),
    Point("json_schema", "verifiers.schema:SchemaVerifier"),
    Point("format", "verifiers.format:FormatVerifier"),
    Point("all", "verifiers.compose:AllVerifier"),
    Point("weighted", "verifiers.compose:WeightedVerifier"),
    Point("gate", "verifiers.compose:GateVerifier"),
    Point("remote", "verifiers.remote:RemoteVerifier"),
    Point("judge", "verifiers.judge:JudgeVerifier"),
]
OPTIONAL = {"reasoning_gym": Point("reasoning_gym", "verifiers.gym:ReasoningGymVerifier")}
"""Library -> the verifier that is there when the library is."""

_CLASSES: dict[str, Any] = {}
"""Target -> class, of files and of decorated classes: a file is run once a process."""


@cache
def _points() -> dict[str, Point]:
    """Built-ins need no installed metadata, so a bare source tree sent to Ray finds them too."""
    optional = [point for library, point in OPTIONAL.items() if importlib.util.find_spec(library)]
    installed = [
        Point(point.name, point.value, f"{point.dist.name} {point.dist.version}" if point.dist else "built-in")
        for point in entry_points(group=GROUP)
    ]
    own = [Point(str(_class(target).name), target, _file_of(target)) for target in _own_targets()]
    points: dict[str, Point] = {}
    for point in [*BUILT_IN, *optional, *installed, *own]:
        if point.name in points:
            raise VerifierError(
                f"verifier {point.name!r} is claimed twice: {points[point.name].target}, {point.target}"
            )
        points[point.name] = point
    return points


def names() -> list[str]:
    """Every verifier that `load` knows, sorted."""
    return sorted(_points())


def source(name: str) -> str:
    """`built-in`, name and version of the distribution that brings a verifier, or its file."""
    return _points()[name].source


@cache
def load(name: str) -> Verifier:
    """A ready instance, the same one at every call. Raises LookupError for a name that nobody claims."""
    if name not in _points():
        near = difflib.get_close_matches(name, names(), 1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise LookupError(f"no verifier named {name!r}{hint} Installed: {', '.join(names())}")
    point = _points()[name]
    verifier = _class(point.target)()
    if not isinstance(verifier, Verifier):
        raise VerifierError(f"{point.target} is no verifier: it needs name, version, Reference and verify()")
    return verifier


def refresh() -> None:
    """Look again, after a package was installed into the running process."""
    _points.cache_clear()
    load.cache_clear()


def add(target: str) -> str:
    """Make the verifier in `file.py`, `file.py:Class` or `module:Class` known here and in processes started from here.

    Returns its name. Raises VerifierError when there is no such verifier, or more than one to choose from.
    """
    place, attribute = _split(target)
    if place.endswith(".py"):
        place = str(Path(place).resolve())
    if not attribute:
        attribute = _only_verifier(place)
    target = f"{place}:{attribute}"
    name = getattr(_class(target), "name", None)
    if not isinstance(name, str):
        raise VerifierError(f"{target} is no verifier: it needs name, version, Reference and verify()")
    _publish(target)
    return name


def register(verifier: Class) -> Class:
    """Class decorator: the verifier is known here and in processes started from here, by its `name`.

    Worker processes import the file again, so a script needs its `if __name__ == "__main__":`.
    """
    module = sys.modules[verifier.__module__]
    file = getattr(module, "__file__", None)
    by_file = file and (verifier.__module__ == "__main__" or verifier.__module__.startswith(_PREFIX))
    place = str(Path(str(file)).resolve()) if by_file else verifier.__module__
    target = f"{place}:{verifier.__qualname__}"
    _CLASSES[target] = verifier
    _publish(target)
    return verifier


_PREFIX = "rlvr_verifier_"


def _publish(target: str) -> None:
    if target not in _own_targets():
        os.environ[ENVIRONMENT] = ",".join([*_own_targets(), target])
    refresh()


def _own_targets() -> list[str]:
    found = (target.strip() for target in os.environ.get(ENVIRONMENT, "").split(","))
    return [target for target in found if target]


def _split(target: str) -> tuple[str, str]:
    place, colon, attribute = target.rpartition(":")
    return (place, attribute) if colon else (target, "")


def _file_of(target: str) -> str:
    return Path(_split(target)[0]).name


def _class(target: str) -> Any:
    """Raises VerifierError for a file or a name that is not there; what the import raises passes through."""
    if target in _CLASSES:
        return _CLASSES[target]
    place, attribute = _split(target)
    module = _run(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    try:
        found = reduce(getattr, attribute.split("."), module)
    except AttributeError:
        raise VerifierError(f"{place} has no {attribute!r}") from None
    if place.endswith(".py"):
        _CLASSES[target] = found
    return found


def _run(file: Path) -> Any:
    """The module of a file that lies on no import path, under a name of its own, so that its objects can be pickled."""
    file = file.resolve()
    name = f"{_PREFIX}{file.stem}_{blake2b(str(file).encode(), digest_size=4).hexdigest()}"
    if name in sys.modules:
        return sys.modules[name]
    if not file.is_file():
        raise VerifierError(f"no file {file}")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # a boundary: the file is foreign code
        del sys.modules[name]
        raise VerifierError(f"{file} cannot be run: {one_line(error)}") from error
    return module


def _only_verifier(place: str) -> str:
    if not place.endswith(".py"):
        raise VerifierError(f"expected file.py, file.py:Class or module:Class, got {place!r}")
    module = _run(Path(place))
    found = [
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__ and hasattr(value, "verify")
    ]
    if len(found) != 1:
        raise VerifierError(f"{place} has {len(found)} verifiers; name one: {place}:Class")
    return str(found[0])
