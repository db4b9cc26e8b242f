"""From what trainers hold to an item: labels kept in many ways, responses stuck to their prompts."""

import contextlib
import json
import re
from typing import Any

from verifiers.call import Item, well_formed

ANCHOR = 200
"""Characters of the prompt's end by which it is found when its beginning was cut off."""
MAX_PLACES = 1000
"""Places that are looked at in a text that repeats itself."""
_TOKEN = re.compile(r"(?:<\|[^<>|]{1,40}\|>|<\uff5c[^<>]{1,40}\uff5c>|</s>|<eos>|<pad>|<end_of_turn>|\[PAD\])\Z")
_TOKEN_LENGTH = 64
"""Characters at the end in which a token is looked for."""


def labelled(response: str, label: Any, verifier: str, id: str = "") -> Item:
    """The item that a response and its label make.

    A label is the reference that `verifier` reads, or says all of it: an object `{"verifier", "reference",
    "params"?}`. JSON text of an object counts as the object.
    """
    if isinstance(label, str) and label.lstrip().startswith("{"):
        with contextlib.suppress(ValueError, RecursionError):
            label = json.loads(label)
    params = None
    if isinstance(label, dict) and isinstance(label.get("verifier"), str):
        verifier, params, label = label["verifier"], label.get("params"), label.get("reference")
    return Item(id, verifier, well_formed(response), label, params if isinstance(params, dict) else None)


def response_in(text: str, prompt: str) -> str:
    """What follows the prompt, without the tokens that end it. Raises ValueError if the prompt is not there."""
    end = text.index(prompt) + len(prompt) if prompt in text else _end_of_cut(text, prompt)
    if end is None:
        raise ValueError(f"a text must hold its prompt, got {text[:60]!r} for {prompt[:60]!r}")
    return without_end(text[end:])


def _end_of_cut(text: str, prompt: str) -> int | None:
    """Where a prompt ends whose beginning was cut off: after the most of it that the text begins with, if it does."""
    anchor = prompt[-ANCHOR:]
    found = text.find(anchor)
    if found < 0:
        return None
    place, limit = found, min(len(text), len(prompt))
    for _ in range(MAX_PLACES):
        place = text.rfind(anchor, 0, limit)
        if place < 0:
            break
        if prompt.endswith(text[: place + len(anchor)]):
            return place + len(anchor)
        limit = place + len(anchor) - 1
    return found + len(anchor)


def without_end(text: str) -> str:
    """The text without the special tokens and blanks at its end."""
    end = len(text)
    while True:
        tail = text[max(0, end - _TOKEN_LENGTH) : end]
        kept = tail.rstrip()
        if token := _TOKEN.search(kept):
            kept = kept[: token.start()]
        if kept == tail:
            return text[:end]
        end -= len(tail) - len(kept)
