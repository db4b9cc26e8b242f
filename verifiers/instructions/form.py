"""Constraints on the form of the text: bullets, highlights, sections, JSON, wrapping (`detectable_format:*`)."""

import json
import re

from verifiers.instructions.arguments import Bullets, Highlights, Nothing, Sections
from verifiers.instructions.plain import plain_sentences
from verifiers.instructions.text import count_matches, pattern_of

# `^[^\S\n]*` and not `^\s*`: the same lines are found, in linear time on a page of blank lines.
STAR_BULLET = re.compile(r"^[^\S\n]*\*[^*].*$", re.MULTILINE)
DASH_BULLET = re.compile(r"^[^\S\n]*-.*$", re.MULTILINE)
BULLET = re.compile(r"^[^\S\n]*[*+-][^\S\n]+\S", re.MULTILINE)
RULE = re.compile(r"^[^\S\n]*(?:(?:-[^\S\n]*){3,}|(?:\*[^\S\n]*){3,})$", re.MULTILINE)
SINGLE = re.compile(r"\*([^\n*]*)\*")
DOUBLE = re.compile(r"\*\*([^\n*]*)\*\*")
EMPHASIS = re.compile(
    r"(?<!\*)(?:\*{3}(?! )[^\n*]+(?<! )\*{3}|\*{2}(?! )[^\n*]+(?<! )\*{2}|\*(?! )[^\n*]+(?<! )\*)(?!\*)"
)
ANSWERS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
FENCES = ("```json", "```Json", "```JSON", "```")


def number_bullet_lists(text: str, to: Bullets) -> bool:
    """Exactly so many lines that start with one `*` or with `-`; a rule `---` counts, `1.` and `+` do not."""
    return count_matches(STAR_BULLET, text) + count_matches(DASH_BULLET, text) == to.num_bullets


def number_bullet_lists_strict(text: str, to: Bullets) -> bool:
    """Exactly so many lines with `*`, `-` or `+`, a space and text."""
    return count_matches(BULLET, RULE.sub("", text)) == to.num_bullets


def constrained_response(text: str, _: Nothing) -> bool:
    """One of `My answer is yes.`, `... no.` and `... maybe.` stands anywhere."""
    return any(answer in text for answer in ANSWERS)


def constrained_response_strict(text: str, _: Nothing) -> bool:
    """The text is one of the three answers and nothing else, but for quotation marks and emphasis."""
    return text.strip().strip("\"'*_“”").strip() in ANSWERS


def number_highlighted_sections(text: str, to: Highlights) -> bool:
    """At least so many `*...*` or `**...**` on one line each with something inside."""
    found = [*SINGLE.findall(text), *DOUBLE.findall(text)]
    return sum(bool(inside.strip()) for inside in found) >= to.num_highlights


def number_highlighted_sections_strict(text: str, to: Highlights) -> bool:
    """At least so many sections in Markdown's emphasis: no space inside next to the asterisks, some letter or digit."""
    found = EMPHASIS.findall(text)
    return sum(any(char.isalnum() for char in inside) for inside in found) >= to.num_highlights


def multiple_sections(text: str, to: Sections) -> bool:
    """At least so many `Section 1` (the given word and a number), anywhere."""
    header = re.compile(rf"\s?{pattern_of_splitter(to.section_spliter)}\s?\d+\s?")
    return count_matches(header, text) >= to.num_sections


def pattern_of_splitter(word: str) -> str:
    """Case counts here, so only the text of the pattern is taken over."""
    return pattern_of(word).pattern


def multiple_sections_strict(text: str, to: Sections) -> bool:
    """Exactly so many lines that begin with the word and a number, after Markdown's marks at most."""
    header = rf"^[^\S\n]*[#*_>]*[^\S\n]*{re.escape(to.section_spliter)}[^\S\n]*\d+(?!\w)"
    return count_matches(re.compile(header, re.MULTILINE), text) == to.num_sections


def json_format(text: str, _: Nothing) -> bool:
    """The whole text, in a fence or not, is JSON; a bare number or string is JSON too."""
    return read_json(text)[0]


def json_format_strict(text: str, _: Nothing) -> bool:
    """The whole text, in a fence or not, is a JSON object or array."""
    return isinstance(read_json(text)[1], dict | list)


def read_json(text: str) -> tuple[bool, object]:
    """Whether the text is JSON, and its value. Nesting beyond the interpreter's limit is not read."""
    body = text.strip()
    for fence in FENCES:
        body = body.removeprefix(fence)
    try:
        return True, json.loads(body.removesuffix("```").strip())
    except (ValueError, RecursionError):
        return False, None


def title(text: str, _: Nothing) -> bool:
    """A title in double angular brackets, `<<...>>` on one line, that is not empty."""
    return any(inside.lstrip("<").rstrip(">").strip() for inside in titles(text))


def title_strict(text: str, _: Nothing) -> bool:
    """The same, with a letter or digit in the title."""
    return any(any(char.isalnum() for char in inside) for inside in titles(text))


def titles(text: str) -> list[str]:
    """What stands on a line between the first `<<` and the last `>>`, one character at least."""
    spans = [(line, line.find("<<") + 2, line.rfind(">>")) for line in text.split("\n") if "<<" in line]
    return [line[start:end] for line, start, end in spans if end > start]


def sentence_hyphens(text: str, _: Nothing) -> bool:
    """The parts between hyphens are, one by one, the sentences of the text with spaces in their place.

    Only as many pairs are compared as there are of both.
    """
    parts, spoken = text.split("-"), plain_sentences(text.replace("-", " "))
    return all(part == sentence and part == part.strip() for part, sentence in zip(parts, spoken, strict=False))


def sentence_hyphens_strict(text: str, _: Nothing) -> bool:
    """Two sentences at least, and a hyphen alone between one's final mark and the next."""
    body = text.strip()
    return re.search(r"[.!?]-\S", body) is not None and re.search(r"[.!?]-?\s+-?|\s-[^-]", body) is None


def square_brackets(text: str, _: Nothing) -> bool:
    """Every word starts with `[` and ends with `]`."""
    return all(word[0] == "[" and word[-1] == "]" for word in text.split())


def square_brackets_strict(text: str, _: Nothing) -> bool:
    """Every word stands in its own pair of brackets, with a letter or digit inside."""
    return all(re.fullmatch(r"\[[^\[\]]*[^\W_][^\[\]]*\][.,;:!?]?", word) for word in text.split())


def bigram_wrapping(text: str, _: Nothing) -> bool:
    """Of each two words the first starts with `<<` and the second ends with `>>`; a last odd word may be bare."""
    words = text.split()
    pairs = zip(words[::2], words[1::2], strict=False)
    return all(one.startswith("<<") and other.endswith(">>") for one, other in pairs)


def bigram_wrapping_strict(text: str, _: Nothing) -> bool:
    """The text is `<<two words>>` throughout; a last odd word may stand in a pair of its own."""
    pairs = re.findall(r"<<([^<>]*)>>[.,;:!?]?\s*", text.strip())
    counts = [len(pair.split()) for pair in pairs]
    outside = re.sub(r"<<[^<>]*>>[.,;:!?]?", " ", text).strip()
    return bool(counts) and not outside and counts[:-1] == [2] * (len(counts) - 1) and counts[-1] in (1, 2)
