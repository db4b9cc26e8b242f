"""Read a configuration: a TOML or JSON file, then overrides, into a strict pydantic model; and write it back.

    load(RLConfig, Path("rl.toml"), ["optim.lr=1e-6", "--tasks.0.weight", "0.5", "--no-resume"])

Every problem is one line: where, what was expected, what came, and the nearest name. The word `none` means null in
every field that may be null, since TOML has no null. Layered files, includes and YAML are left out: one file says all.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import to_jsonable_python

from rlvr.settings import overrides as edits
from rlvr.settings import shape, toml
from rlvr.settings.problems import ConfigError, describe

__all__ = ["ConfigError", "dump", "load", "read", "validate"]

NULL = "none"
M = TypeVar("M", bound=BaseModel)


def load(model: type[M], path: Path, overrides: Sequence[str] = ()) -> M:
    """The file's configuration with the overrides applied. Raises ConfigError.

    Overrides: `a.b.0.c=value`, `--a.b value`, `--a.b=value`, `--flag`, `--no-flag`. Values are TOML; what is no TOML
    value is taken as a string. Another tag for a union (`type = ...`) replaces that section.
    """
    return validate(model, read(path), overrides, source=str(path))


def read(path: Path) -> dict[str, Any]:
    """The file as plain data. Raises ConfigError when it is missing, is no TOML or JSON, or is no table."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: expected UTF-8 text") from None
    return parse(text, source=str(path), kind="JSON" if path.suffix == ".json" else "TOML")


def parse(text: str, source: str, kind: str = "TOML") -> dict[str, Any]:
    """Text as plain data; `source` names it in messages. Raises ConfigError."""
    try:
        data = json.loads(text) if kind == "JSON" else tomllib.loads(text)
    except (tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        raise ConfigError(f"{source}: not valid {kind}: {error}") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{source}: expected a table of keys, got a {type(data).__name__}")
    return data


def validate(model: type[M], data: Mapping[str, Any], overrides: Sequence[str] = (), source: str = "config") -> M:
    """As `load`, from data that were read already; `source` names them in messages."""
    plain = _plain(data)
    changes = list(edits.parse(model, overrides))
    edits.apply(model, plain, changes)
    try:
        return model.model_validate(_settle(model, plain, None))
    except ValidationError as error:
        lines = []
        for path, problem in describe(model, plain, error.errors(include_url=False)):
            touching = (c.token for c in reversed(changes) if path and c.path[: len(path)] == path[: len(c.path)])
            token = next(touching, None)
            where = f"override {token!r}" if token else source
            lines.append(": ".join([where, *([".".join(path)] if path else []), problem]))
        raise ConfigError(*lines) from None


def dump(config: BaseModel) -> str:
    """TOML text of the whole configuration, defaults included; `load` reads it back to an equal object.

    Raises ValueError for what TOML cannot hold: null where no field says that it may be null, and the text `none` where
    one does.
    """
    return toml.write(_writable(type(config), to_jsonable_python(config.model_dump(), inf_nan_mode="constants"), None))


def _plain(data: Any) -> Any:
    """A copy in dicts and lists, safe to edit."""
    if isinstance(data, Mapping):
        return {str(key): _plain(value) for key, value in data.items()}
    return [_plain(item) for item in data] if isinstance(data, list | tuple) else data


def _settle(annotation: Any, data: Any, fallback: Any) -> Any:
    """`none` becomes null where null may stand, and a section that names a few keys keeps the rest of its default."""
    if data == NULL and shape.NONE in shape.members(annotation):
        return None
    if isinstance(data, list):
        return [_settle(shape.child(annotation, data, i), item, None) for i, item in enumerate(data)]
    if not isinstance(data, dict):
        return data
    kept = _kept(annotation, data, fallback)
    known = kept | data
    fallbacks = _defaults(annotation, known) | kept
    named = {k: _settle(shape.child(annotation, known, k), v, fallbacks.get(k)) for k, v in data.items()}
    return kept | named


def _writable(annotation: Any, data: Any, fallback: Any) -> Any:
    """Write null as `none`, or not at all where it is the default anyway."""
    nullable = shape.NONE in shape.members(annotation)
    if data is None and nullable:
        return NULL
    if data == NULL and nullable:
        raise ValueError(f"the text {NULL!r} cannot be written in a field that may be null")
    if isinstance(data, list):
        return [_writable(shape.child(annotation, data, i), item, None) for i, item in enumerate(data)]
    if not isinstance(data, dict):
        return data
    fallbacks = _defaults(annotation, data) | _kept(annotation, data, fallback)
    return {
        key: _writable(shape.child(annotation, data, key), value, fallbacks.get(key))
        for key, value in data.items()
        if value is not None or fallbacks.get(key, ...) is not None
    }


def _kept(annotation: Any, data: dict[str, Any], fallback: Any) -> dict[str, Any]:
    """What the default section says itself (not what its class says), if `data` speaks of the same model of a union."""
    tags = shape.tags(annotation).keys()
    if not isinstance(fallback, BaseModel) or any(
        data.get(tag, mine := getattr(fallback, tag)) != mine for tag in tags
    ):
        return {}
    return {name: getattr(fallback, name) for name in sorted(fallback.model_fields_set | tags)}


def _defaults(annotation: Any, data: dict[str, Any]) -> dict[str, Any]:
    owner = shape.branch(annotation, data)
    return shape.defaults(owner) if owner else {}
