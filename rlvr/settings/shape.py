"""Walk a pydantic model by keys: which annotation stands at a dotted path, which model of a union a section means.

Only what the configuration loader needs; validation itself is pydantic's.
"""

import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

NONE = type(None)
SEQUENCES = (list, tuple, Sequence)
MAPPINGS = (dict, Mapping)


def members(annotation: Any) -> list[Any]:
    """The alternatives of a union, seen through `Annotated` and type aliases; a plain type is its own only member."""
    if hasattr(annotation, "__value__"):  # `type X = ...` and its typing_extensions twin
        return members(annotation.__value__)
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return members(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [member for part in typing.get_args(annotation) for member in members(part)]
    return [annotation]


def models(annotation: Any) -> list[type[BaseModel]]:
    return [m for m in members(annotation) if isinstance(m, type) and issubclass(m, BaseModel)]


def tags(annotation: Any) -> dict[str, dict[Any, type[BaseModel]]]:
    """What tells a union's models apart: the `Literal` fields that all of them have, and whose each value is."""
    sections = models(annotation)
    if len(sections) < 2:
        return {}
    shared = set.intersection(
        *({name for name, f in m.model_fields.items() if _literals(f.annotation)} for m in sections)
    )
    fields = {name: [(m, m.model_fields[name].annotation) for m in sections] for name in sorted(shared)}
    return {name: {v: m for m, literal in pairs for v in _literals(literal)} for name, pairs in fields.items()}


def _literals(annotation: Any) -> tuple[Any, ...]:
    return typing.get_args(annotation) if typing.get_origin(annotation) is typing.Literal else ()


def branch(annotation: Any, data: Any) -> type[BaseModel] | None:
    """The model that a section is meant for: the one its tag names, or else the first; None if the tag names none."""
    for name, values in tags(annotation).items():
        if isinstance(data, Mapping) and name in data:
            return next((model for value, model in values.items() if value == data[name]), None)
    return next(iter(models(annotation)), None)


def child(annotation: Any, data: Any, key: str | int) -> Any:
    """The annotation below `key`; `Any` where the types say nothing."""
    if isinstance(data, Sequence) and not isinstance(data, str):
        sequences = (m for m in members(annotation) if typing.get_origin(m) in SEQUENCES)
        return next((_item(sequence, key) for sequence in sequences), Any)
    model = branch(annotation, data)
    if model and str(key) in model.model_fields:
        return model.model_fields[str(key)].annotation
    mappings = (m for m in members(annotation) if typing.get_origin(m) in MAPPINGS)
    return next((typing.get_args(m)[1] for m in mappings), Any)


def _item(sequence: Any, index: str | int) -> Any:
    items = [arg for arg in typing.get_args(sequence) if arg is not Ellipsis]
    fixed = typing.get_origin(sequence) is tuple and Ellipsis not in typing.get_args(sequence)
    return items[min(int(index), len(items) - 1)] if fixed and str(index).isdigit() else items[0]


def below(annotations: Iterable[Any], key: str) -> list[Any]:
    """Every annotation that may stand below `key`, whatever the data are."""
    found = []
    for member in [member for annotation in annotations for member in members(annotation)]:
        if member in models(member):
            found += [field.annotation for name, field in member.model_fields.items() if name == key]
        elif typing.get_origin(member) in SEQUENCES:
            found.append(_item(member, key))
        elif typing.get_origin(member) in MAPPINGS:
            found.append(typing.get_args(member)[1])
    return found


def defaults(model: type[BaseModel]) -> dict[str, Any]:
    """The default of every field that has one of its own, not computed from other fields."""
    fields = model.model_fields.items()
    alone = {name: f for name, f in fields if not f.is_required() and not f.default_factory_takes_validated_data}
    return {name: field.get_default(call_default_factory=True) for name, field in alone.items()}


def paths(model: type[BaseModel], prefix: str = "", above: tuple[type[BaseModel], ...] = ()) -> Iterator[str]:
    """Every dotted path below a model, lists and free tables left out. A model inside itself is not entered again."""
    for name, field in model.model_fields.items():
        yield prefix + name
        for section in models(field.annotation):
            if section not in (*above, model):
                yield from paths(section, f"{prefix}{name}.", (*above, model))
