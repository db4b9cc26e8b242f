"""Find a verifier by name: the built-ins below, or any installed package with a `rlvr.verifiers` entry point."""

import difflib
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from verifiers.base import Verifier, VerifierError

GROUP = "rlvr.verifiers"

BUILT_IN = [
    EntryPoint("exact", "verifiers.exact:ExactVerifier", GROUP),
    EntryPoint("math", "verifiers.math:MathVerifier", GROUP),
    EntryPoint("code", "verifiers.code:CodeVerifier", GROUP),
    EntryPoint("instructions", "verifiers.instructions:InstructionsVerifier", GROUP),
    EntryPoint("choice", "verifiers.choice:ChoiceVerifier", GROUP),
    EntryPoint("numeric", "verifiers.numeric:NumericVerifier", GROUP),
    EntryPoint("regex", "verifiers.regex:RegexVerifier", GROUP),
    EntryPoint("json_schema", "verifiers.schema:SchemaVerifier", GROUP),
    EntryPoint("format", "verifiers.format:FormatVerifier", GROUP),
    EntryPoint("all", "verifiers.compose:AllVerifier", GROUP),
    EntryPoint("weighted", "verifiers.compose:WeightedVerifier", GROUP),
    EntryPoint("gate", "verifiers.compose:GateVerifier", GROUP),
]


@cache
def _points() -> dict[str, EntryPoint]:
    """Built-ins need no installed metadata, so a bare source tree sent to Ray finds them too."""
    points: dict[str, EntryPoint] = {}
    for point in [*BUILT_IN, *entry_points(group=GROUP)]:
        if point.name in points:
            raise VerifierError(f"verifier {point.name!r} is claimed twice: {points[point.name].value}, {point.value}")
        points[point.name] = point
    return points


def names() -> list[str]:
    """Every verifier that `load` knows, sorted."""
    return sorted(_points())


def source(name: str) -> str:
    """`built-in`, or name and version of the distribution that brings a verifier."""
    distribution = _points()[name].dist
    return f"{distribution.name} {distribution.version}" if distribution else "built-in"


@cache
def load(name: str) -> Verifier:
    """A ready instance, the same one at every call. Raises LookupError for a name that nobody claims."""
    if name not in _points():
        near = difflib.get_close_matches(name, names(), 1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise LookupError(f"no verifier named {name!r}{hint} Installed: {', '.join(names())}")
    point = _points()[name]
    verifier = point.load()()
    if not isinstance(verifier, Verifier):
        raise VerifierError(f"{point.value} is no verifier: it needs name, version, Reference and verify()")
    return verifier


def refresh() -> None:
    """Look again, after a package was installed into the running process."""
    _points.cache_clear()
    load.cache_clear()
