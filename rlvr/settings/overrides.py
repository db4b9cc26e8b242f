"""Overrides from the command line: read the tokens, and write their values into plain configuration data."""

import datetime
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

from rlvr.settings import shape
from rlvr.settings.problems import ConfigError, short


class Override(NamedTuple):
    path: tuple[str, ...]
    text: str | None
    """None for a bare `--flag`, which means true."""
    token: str
    """As the user wrote it."""


def parse(model: type[BaseModel], tokens: Sequence[str]) -> Iterator[Override]:
    """`a.b=v`, `--a.b=v`, `--a.b v`, `--flag`, `--no-flag`. Only a field that may be a bool can be a flag."""
    rest = list(tokens)
    while rest:
        token = rest.pop(0)
        key, equals, text = token.removeprefix("--").partition("=")
        if equals:
            yield Override(_path(model, key, token), text, token)
        elif not token.startswith("--"):
            raise ConfigError(f"override {token!r}: expected KEY=VALUE, as in optim.lr=1e-6")
        elif key.startswith("no-") and _is_flag(model, off := _path(model, key[3:], token)):
            yield Override(off, "false", token)
        elif _is_flag(model, path := _path(model, key, token)) and rest[:1] not in (["true"], ["false"]):
            yield Override(path, None, token)
        elif rest:
            yield Override(path, text := rest.pop(0), f"{token} {text}")
        else:
            raise ConfigError(f"override {token!r}: expected a value after it")


def apply(model: type[BaseModel], data: dict[str, Any], overrides: Iterable[Override]) -> None:
    """Write the overrides into `data`. Those that pick another model of a union empty its section, so they go first."""
    edits = list(overrides)
    picks = [edit for edit in edits if _picks_model(model, data, edit)]
    rest = [edit for edit in edits if edit not in picks]
    for edit in [*sorted(picks, key=lambda edit: len(edit.path)), *rest]:
        _assign(model, data, edit)


def _path(model: type[BaseModel], key: str, token: str) -> tuple[str, ...]:
    """The key as TOML reads it, so that `tasks."my set".weight` works; dashes may stand for a field's underscores."""
    wrong = ConfigError(f"override {token!r}: expected a dotted key such as optim.lr, got {key!r}")
    try:
        data: Any = tomllib.loads(f"{key} = 0")
    except tomllib.TOMLDecodeError:
        raise wrong from None
    path: list[str] = []
    annotations: list[Any] = [model]
    while isinstance(data, dict):
        if len(data) != 1:  # a comment, or several lines
            raise wrong
        [(name, data)] = data.items()
        plain = name.replace("-", "_")
        is_field = any(plain in section.model_fields for a in annotations for section in shape.models(a))
        path.append(plain if is_field else name)
        annotations = shape.below(annotations, path[-1])
    return tuple(path)


def _is_flag(model: type[BaseModel], path: Sequence[str]) -> bool:
    annotations: list[Any] = [model]
    for key in path:
        annotations = shape.below(annotations, key)
    return any(bool in shape.members(annotation) for annotation in annotations)


def _has(data: Any, key: str) -> bool:
    if isinstance(data, list):
        return key.isdigit() and int(key) < len(data)
    return isinstance(data, dict) and key in data


def _get(data: Any, key: str) -> Any:
    return data[int(key) if isinstance(data, list) else key] if _has(data, key) else None


def _picks_model(model: type[BaseModel], data: Any, edit: Override) -> bool:
    annotation: Any = model
    for key in edit.path[:-1]:
        annotation, data = shape.child(annotation, data, key), _get(data, key)
    return edit.path[-1] in shape.tags(annotation)


def _assign(model: type[BaseModel], data: dict[str, Any], edit: Override) -> None:
    *sections, last = edit.path
    annotation: Any = model
    place: Any = data
    for depth, key in enumerate(sections):
        _check(place, key, edit, depth)
        if isinstance(place, dict) and place.get(key) is None:
            place[key] = _start(annotation, place, key)
        annotation, place = shape.child(annotation, place, key), _get(place, key)
    _check(place, last, edit, len(sections))
    value = literal(shape.child(annotation, place, last), edit.text)
    if isinstance(place, list):
        place[int(last)] = value
        return
    if _picks_model(model, data, edit) and place.get(last) != value:
        place.clear()
    place[last] = value


def _check(place: Any, key: str, edit: Override, depth: int) -> None:
    where = ".".join(edit.path[:depth]) or "the configuration"
    if not isinstance(place, dict | list):
        raise ConfigError(f"override {edit.token!r}: {where} is no section; it is {short(place)}")
    if isinstance(place, list) and not _has(place, key):
        raise ConfigError(f"override {edit.token!r}: {where} has {len(place)} items, counted from 0; got {key!r}")


def _start(annotation: Any, place: Any, key: str) -> Any:
    """What an unnamed section is before the override: its default list, since one item alone cannot be given."""
    owner = shape.branch(annotation, place)
    default = shape.defaults(owner).get(key) if owner else None
    if isinstance(default, list | tuple):
        return [item.model_dump() if isinstance(item, BaseModel) else item for item in default]
    return {}


def literal(annotation: Any, text: str | None) -> Any:
    """The text as a TOML value; a string where it is none, or where the field takes text and no number: `name=2024`."""
    if text is None:
        return True
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    value = parsed.pop("value")
    kinds = shape.members(annotation)
    scalar = isinstance(value, bool | int | float | datetime.date | datetime.time)
    return text if parsed or (scalar and str in kinds and type(value) not in kinds) else value
