"""Constraints on what the text must hold: placeholders and a postscript (`detectable_content:*`)."""

import re

from verifiers.instructions.arguments import Placeholders, Postscript
from verifiers.instructions.text import pattern_of

POSTSCRIPTS = {"P.P.S": re.compile(r"p\.\s?p\.\s?s"), "P.S.": re.compile(r"p\.\s?s\.")}


def number_placeholders(text: str, to: Placeholders) -> bool:
    """At least so many `[...]` on one line each, empty ones too."""
    return len(bracketed(text)) >= to.num_placeholders


def number_placeholders_strict(text: str, to: Placeholders) -> bool:
    """At least so many `[...]` with a letter inside."""
    return sum(any(char.isalpha() for char in name) for name in bracketed(text)) >= to.num_placeholders


def bracketed(text: str) -> list[str]:
    """What stands between a `[` and the next `]` of its line."""
    names = []
    for line in text.split("\n"):
        start = line.find("[")
        while start >= 0 and (end := line.find("]", start)) >= 0:
            names.append(line[start + 1 : end])
            start = line.find("[", end)
    return names


def postscript(text: str, to: Postscript) -> bool:
    """The marker stands anywhere, in any case; `P.S.` and `P.P.S` may be spaced."""
    pattern = POSTSCRIPTS.get(to.postscript_marker) or pattern_of(to.postscript_marker.lower())
    return pattern.search(text.lower()) is not None


def postscript_strict(text: str, to: Postscript) -> bool:
    """A line of the last paragraphs begins with the marker, text follows it, and text stands before it."""
    spaced = r"[^\S\n]?".join(re.escape(char) for char in to.postscript_marker if not char.isspace())
    marker = re.compile(rf"^[^\S\n]*\**{spaced}(?!\w)", re.IGNORECASE | re.MULTILINE)
    found = marker.search(text.strip())
    if found is None:
        return False
    before, after = text.strip()[: found.start()], text.strip()[found.end() :]
    return bool(before.strip()) and any(char.isalnum() for char in after)
