"""Write plain data as TOML text. Reading is the standard library's `tomllib`; comments and dates are left out."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any


def write(data: Mapping[str, Any]) -> str:
    """TOML that `tomllib` reads back to the same str, int, float, bool, list and dict values.

    Raises ValueError for anything else, null included: TOML has none.
    """
    return "\n".join(_table(data, "")).strip("\n") + "\n"


def key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _string(name)


def _table(data: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """Values first: after a sub-table's header a plain key would belong to that table."""
    for name, value in data.items():
        if not _is_table(value) and not _is_tables(value):
            yield f"{key(name)} = {_value(value)}"
    for name, value in data.items():
        path = prefix + key(name)
        if _is_table(value):
            yield from ["", f"[{path}]", *_table(value, f"{path}.")]
        elif _is_tables(value):
            for item in value:
                yield from ["", f"[[{path}]]", *_table(item, f"{path}.")]


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value)


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _value(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case str():
            return _string(value)
        case list():
            return f"[{', '.join(map(_value, value))}]"
        case Mapping():
            inner = ", ".join(f"{key(name)} = {_value(item)}" for name, item in value.items())
            return f"{{ {inner} }}" if inner else "{}"
        case _:
            raise ValueError(f"TOML cannot hold {value!r} ({type(value).__name__})")


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def dotted(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no table, under its dotted name, in the order of the data."""
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield from dotted(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
