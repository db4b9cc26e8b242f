"""Say what is wrong with a configuration: one line a fault, with its dotted path and the nearest name."""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from rlvr.errors import UserError
from rlvr.settings import shape

PLAIN = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a section",
}


class ConfigError(UserError):
    """The configuration is wrong; `problems` holds one line for each fault, and so does the message."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class _Place(NamedTuple):
    path: tuple[str | int, ...]
    annotation: Any
    owner: type[BaseModel] | None
    """The model that the last key belongs to, if any."""
    union: Any
    """The annotation of the section that holds the last key."""


def describe(
    model: type[BaseModel], data: Any, errors: Sequence[ErrorDetails]
) -> Iterable[tuple[tuple[str, ...], str]]:
    """Each fault's path and its line without the path; the alternatives of a union make one line."""
    lines: dict[tuple[str, ...], list[str]] = {}
    for error in errors:
        place = _locate(model, data, error["loc"])
        path = tuple(str(key) for key in place.path)
        if error["type"].startswith("union_tag"):
            path += (error["ctx"]["discriminator"].strip("'"),)
        lines.setdefault(path, []).append(_sentence(model, place, error))
    return [(path, _joined(sentences)) for path, sentences in lines.items()]


def short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def nearest(word: Any, names: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or nothing when no name is near."""
    near = difflib.get_close_matches(str(word), list(names), 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _locate(model: type[BaseModel], data: Any, loc: tuple[str | int, ...]) -> _Place:
    """Tell keys from the labels that pydantic puts into a path for each union it enters."""
    annotation: Any = model
    union: Any = None
    owner = None
    path: list[str | int] = []
    entered: Any = None
    for key in loc:
        unions = [member for member in shape.members(annotation) if member is not shape.NONE]
        if len(unions) > 1 and not (isinstance(data, list) and isinstance(key, int)):
            entered = annotation
            annotation = next((m for m in unions if _labels(annotation, m, key)), Any)
            continue
        owner, union = shape.branch(annotation, data), entered or annotation
        annotation, entered = shape.child(annotation, data, key), None
        keys = range(len(data)) if isinstance(data, list) else data if isinstance(data, dict) else ()
        data = data[key] if key in keys else None
        path.append(key)
    return _Place(tuple(path), annotation, owner, union)


def _labels(union: Any, member: Any, label: str | int) -> bool:
    tagged = any(values.get(label) is member for values in shape.tags(union).values())
    return tagged or str(label).startswith(getattr(member, "__name__", str(member)))


def _sentence(model: type[BaseModel], place: _Place, error: ErrorDetails) -> str:
    got = f"; got {short(error['input'])}"
    context = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            return f"unknown key{_suggestion(model, place)}"
        case "missing":
            return f"required key is missing; expected {_kind(place.annotation)}"
        case "union_tag_not_found":
            values = shape.tags(place.annotation).get(context["discriminator"].strip("'"), {})
            return f"required key is missing; expected one of {', '.join(map(repr, values))}"
        case "union_tag_invalid":
            hint = nearest(context["tag"], re.findall(r"'([^']*)'", context["expected_tags"]))
            return f"expected one of {context['expected_tags']}; got {context['tag']!r}{hint}"
        case "literal_error" | "enum":
            hint = nearest(error["input"], re.findall(r"'([^']*)'", context["expected"]))
            return f"expected {context['expected']}{got}{hint}"
        case "value_error" | "assertion_error":
            return " ".join(str(context["error"]).split()) + ("" if isinstance(error["input"], dict) else got)
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"expected a section of keys{got}"
    message = re.sub(r", (unable to parse|got a) .*", "", error["msg"])
    message = re.sub(r"^Input should be (?=greater|less|a multiple)", "expected a value ", message)
    return message.replace("Input should be ", "expected ", 1) + got


def _suggestion(model: type[BaseModel], place: _Place) -> str:
    """Another model of the union that has the key, a near name in the same section, or the same name elsewhere."""
    key = str(place.path[-1])
    for tag, values in shape.tags(place.union).items():
        if fits := [repr(value) for value, section in values.items() if key in section.model_fields]:
            return f" here; it goes with {tag} = {' or '.join(fits)}"
    if place.owner and (hint := nearest(key, place.owner.model_fields)):
        return hint
    if elsewhere := [path for path in shape.paths(model) if path.split(".")[-1] == key]:
        return f"; did you mean {elsewhere[0]!r}?"
    return f"; expected one of: {', '.join(place.owner.model_fields)}" if place.owner else ""


def _kind(annotation: Any) -> str:
    if shape.models(annotation):
        return "a section of keys"
    return " or ".join(
        dict.fromkeys(PLAIN.get(get_origin(member) or member, "a value") for member in shape.members(annotation))
    )


def _joined(sentences: list[str]) -> str:
    """`expected A; got x`, `expected B; got x` -> `expected A or B; got x`."""
    parts = [re.fullmatch(r"expected (.*?)(; got .*)", s, re.DOTALL) for s in dict.fromkeys(sentences)]
    if len(parts) > 1 and all(parts):
        heads = dict.fromkeys(part[1] for part in parts if part)
        return f"expected {' or '.join(heads)}{parts[0][2] if parts[0] else ''}"
    return "; or ".join(dict.fromkeys(sentences))
