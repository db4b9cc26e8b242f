"""What is installed, for people: names, versions, what each verifier checks and reads.

One broken plug-in spoils no list: its entry says why it cannot be loaded.
"""

import inspect
from typing import Any

from pydantic import BaseModel

from verifiers import registry
from verifiers.base import NoParams, VerifierError
from verifiers.call import one_line


class Entry(BaseModel):
    """One installed verifier."""

    name: str
    version: str = ""
    isolation: str = ""
    """Where it runs: `inline`, `process` (killable worker) or `sandbox`."""
    source: str
    """`built-in`, or the distribution that brings it."""
    summary: str = ""
    error: str | None = None
    """Why it cannot be loaded; null for one that works."""


class Description(Entry):
    """An entry with all that somebody needs to call it."""

    description: str = ""
    reference: dict[str, Any]
    """JSON Schema of the reference, in full form; its description names the short forms that are taken as well."""
    params: dict[str, Any]
    """JSON Schema of the parameters."""


def load(name: str) -> Any:
    """The verifier of that name. Raises LookupError, or VerifierError when its package cannot be imported."""
    try:
        return registry.load(name)
    except (LookupError, VerifierError):
        raise
    except Exception as error:  # plug-in boundary: importing foreign code can raise anything
        raise VerifierError(f"verifier {name!r} cannot be loaded: {one_line(error)}") from error


def entries() -> list[Entry]:
    """All installed verifiers by name; those that cannot be loaded say why."""
    return [_entry(name) for name in registry.names()]


def describe(name: str) -> Description:
    """Raises LookupError for an unknown verifier, VerifierError for a broken one."""
    verifier = load(name)
    params: type[BaseModel] = getattr(verifier, "Params", None) or NoParams
    return Description(
        **_entry(name).model_dump(),
        description=inspect.cleandoc(type(verifier).__doc__ or ""),
        reference=verifier.Reference.model_json_schema(),
        params=params.model_json_schema(),
    )


def _entry(name: str) -> Entry:
    source = registry.source(name)
    try:
        verifier = load(name)
    except VerifierError as error:
        return Entry(name=name, source=source, error=str(error))
    return Entry(
        name=name,
        version=verifier.version,
        isolation=getattr(verifier, "isolation", "inline"),
        source=source,
        summary=(type(verifier).__doc__ or "").strip().partition("\n")[0],
    )
