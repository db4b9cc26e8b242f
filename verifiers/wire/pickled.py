"""Tests as open-instruct packs them: base64 of zlib of a pickle of plain data. Nothing in it is ever called.

A pickle is a program. This one may build lists, dicts, text and numbers; whatever names a class or a function, which
all harmful ones need, is refused. So is what is small to send and large to look at.
"""

import base64
import io
import pickle
import zlib
from typing import Any, NoReturn

MOST_BYTES = 64 << 20
MOST_PARTS = 1_000_000


class _PlainData(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"{module}.{name} is no plain data")

    def persistent_load(self, _: Any) -> NoReturn:
        raise pickle.UnpicklingError("a reference to something outside")


def unpack(text: str, most_bytes: int = MOST_BYTES) -> Any:
    """The data. Raises ValueError for anything that is not packed plain data, or is too large."""
    decompressor = zlib.decompressobj()
    try:
        data = decompressor.decompress(base64.b64decode(text, validate=True), most_bytes)
    except (ValueError, zlib.error) as error:
        raise ValueError(f"neither JSON nor base64 of compressed data: {error}") from None
    if decompressor.unconsumed_tail:
        raise ValueError(f"more than {most_bytes} bytes")
    try:
        found = _PlainData(io.BytesIO(data)).load()
    except (pickle.UnpicklingError, *_BROKEN) as error:
        raise ValueError(f"no pickle of plain data: {error}") from None
    _check_parts(found)
    return found


_BROKEN = (EOFError, ArithmeticError, AttributeError, LookupError, TypeError, MemoryError, RecursionError)
"""What unpickling raises for damaged data, besides its own error and ValueError."""


def _check_parts(value: Any) -> None:
    """Raise ValueError unless this is plain data, and small when every part is counted as often as it is met.

    A pickle can hold one list a thousand times in one that it holds a thousand times, and so on.
    """
    parts = [value]
    for _ in range(MOST_PARTS):
        if not parts:
            return
        part = parts.pop()
        if isinstance(part, dict):
            parts += [*part.keys(), *part.values()]
        elif isinstance(part, list | tuple):
            parts += part
        elif not (part is None or isinstance(part, str | int | float)):
            raise ValueError(f"{type(part).__name__} is no plain data")
        if len(parts) > MOST_PARTS:
            break
    raise ValueError(f"more than {MOST_PARTS} parts")
