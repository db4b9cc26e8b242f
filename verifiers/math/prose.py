"""Answers inside sentences: the last formula between dollars, the last number, the letter of an option.

A choice between several, and a number that the sentence takes back, is no answer.
"""

import re

from verifiers.math.boxes import Found
from verifiers.math.nodes import Node, contains
from verifiers.math.reading import MAX_LENGTH, read

SHORT = 120
"""Characters of a phrase that is taken as a whole."""

MATH = re.compile(r"(?<!\\)\$\$(.+?)\$\$|(?<!\\)\$((?:\\.|[^$\\\n])+)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.S)
SENTENCE_END = re.compile(r"(?<!\bvs)(?<!\ba\.m)(?<!\bp\.m)[.!?](?=\s|$)(?!\s*\d)|\n|;\s")
_JOINT = re.compile(r"\s*(?:,|and|or|,\s*and|,\s*or)\s*")
_NUMBER = re.compile(
    r"(?<![\w.,/^])[-−–+]?\s?[$€£]?\s?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+,\d\d(?=\s?[$€£])|\d+)(?:\.\d+)?"
    r"(?:\s?/\s?\d+(?:\.\d+)?)?(?::\d+(?:\.\d+)?)*\s?(?:\\?%|[ap]\.?m\b|[$€£](?!\d))?(?![\w]*\d)",
    re.ASCII,
)
_POINT = re.compile(r"\b(?:is|are|at|=)\s*(\([^()\[\]]{1,40},[^()\[\]]{1,40}\))\s*$")
"""A point at the end of a sentence."""
_STATED = re.compile(r"\b(?:is|are|equals|get|gives)\s+(\S*\\[A-Za-z]\S*(?:\s*[-+*/=]\s*\S+){0,6})\.?\s*$")
_NOTATION = re.compile(r"\\(?![$%])|[{}]")
_CALCULATOR = re.compile(r"<<[^<>\n]*>>")
"""The annotations of GSM8K."""
_OPTION = re.compile(r"\b(?:option|choice|choose|select|pick)\s+\(?([A-J])\)?(?![\w'])", re.I)
_PREDICATE = re.compile(r"^(?:the|it|its|this|that)\b.*?\b(?:is|are|was)\s+(?!not\b)([^.]+)", re.I)
_YES_NO = re.compile(r"^(yes|no)\s*[,.:;!]\s+(?!.*\b(?:yes|no|but|or|wait|actually|unless)\b)", re.I)
_WORD = re.compile(r"[A-Za-z]{3}")
_WRONG = re.compile(r"\b(?:wrong|incorrect|not (?:the|a|my|correct)\b)", re.I)
_HEDGE = re.compile(r"\b(?:either|maybe|perhaps|possibly)\b|\d\s*,?\s*or (?:maybe |perhaps )?[$-]?\d", re.I)
_NOT = re.compile(
    r"\b(?:not|isn't|never|can(?:not|'t) be|at (?:least|most)|"
    r"(?:less|more|fewer|greater|smaller|larger|higher|lower) than)\s*[$]?$",
    re.I,
)
"""What makes the number behind it another statement than that it is the answer."""
_GOES_ON = re.compile(r"\s*[-+*^]\s*[A-Za-z](?![A-Za-z])")
"""The number is the head of a formula: `12 + k`."""
_FORMULA_LIKE = re.compile(r"[\\^=<>|{}]")
_PROSE = re.compile(r"[.!?]\s|^(?:I|we|sorry|unfortunately|let|these)\b", re.I)


def bare(text: str) -> Found | None:
    """The response is an answer and nothing else, or says in one short sentence that something is so."""
    content = text.strip()
    if len(content) > MAX_LENGTH:
        return None if re.search(r"[A-Za-z]{3}\s+[A-Za-z]{3}", content[-400:]) else Found(content, "bare")
    answer = read(content)
    if answer.choice or (answer.node is not None and not _has_prose(answer.node, content)):
        return Found(content, "bare")
    if answer.words is not None and len(content) <= SHORT and not _PROSE.search(content):
        said = _PREDICATE.search(content) or _YES_NO.search(content)
        return Found(said[1] if said else content, "bare")
    return None


def _has_prose(node: Node, content: str) -> bool:
    """Words are an answer by themselves, or the label of an equation; around formulas they are a sentence."""
    if node.kind not in ("text", "rel") and contains(node, "text"):
        return True
    outside, formulas = MATH.subn(" ", content)
    return (
        formulas > 0
        and bool(_WORD.search(re.sub(r"\band\b|\\text\w*|\\mathrm", "", outside)))
        and " " in outside.strip()
    )


def short_text(text: str) -> Found | None:
    """A phrase, or a formula without spaces, that the parser cannot read is still what was answered."""
    content = text.strip()
    if len(content) > SHORT or "\n" in content:
        return None
    phrase = not _PROSE.search(content + " ")
    formula = _FORMULA_LIKE.search(content) and " " not in content
    return Found(content, "bare") if phrase or formula else None


def lettered(text: str) -> Found | None:
    letters = _OPTION.findall(text)
    return Found(letters[-1], "option") if letters else None


def last_formula(text: str) -> Found | None:
    """The last formula that can be read, unless a later sentence holds a number. Dollars around prose are money."""
    formulas = [match for match in MATH.finditer(text) if not content_of(match).lstrip().startswith(("^", "_"))]
    if not formulas:
        return None
    at = len(formulas) - 1
    rest = text[formulas[at].end() :]
    if not content_of(formulas[at]).rstrip().endswith("."):
        rest = "".join(SENTENCE_END.split(rest, maxsplit=1)[1:])
    before = SENTENCE_END.split(text[: formulas[at].start()])[-1]
    if read(content_of(formulas[at])).node is None or _NUMBER.search(rest) or _NOT.search(before):
        return None
    while at and _JOINT.fullmatch(text, formulas[at - 1].end(), formulas[at].start()):
        at -= 1
    return Found(joined_formulas(text, formulas[at]), "formula")


def joined_formulas(text: str, formula: re.Match[str]) -> str:
    """`$2$ or $3$` is one answer of two parts, as `$5$ dollars` is."""
    parts = [content_of(formula)]
    end = formula.end()
    while joint := _JOINT.match(text, end):
        following = MATH.match(text, joint.end())
        if following is None:
            break
        parts.append(f" {joint[0].strip()} {content_of(following)}")
        end = following.end()
    return "".join(parts)


def content_of(formula: re.Match[str]) -> str:
    return next(group for group in formula.groups() if group is not None)


def stated(text: str) -> Found | None:
    """`The distance is \\sqrt{5}.`: LaTeX without dollars at the end of the last sentence."""
    lines = [line for line in text[-MAX_LENGTH:].strip().splitlines() if line.strip()]
    match = _STATED.search(lines[-1]) if lines else None
    if match and read(match[1]).node is not None and not _NOT.search(lines[-1][: match.start(1)]):
        return Found(match[1], "stated")
    return None


def last_number(text: str) -> Found | None:
    """The last number of a text in prose. A row of numbers, or a choice between them, is a hedge and no answer."""
    text = MATH.sub(lambda formula: " . " if "\\" in formula[0] else formula[0], _CALCULATOR.sub("", text))
    numbers = list(_NUMBER.finditer(text))
    if not numbers or not _WORD.search(text):
        return None
    last = numbers[-1]
    before = SENTENCE_END.split(text[: last.start()])[-1]
    sentence = before + SENTENCE_END.split(text[last.start() :], maxsplit=1)[0]
    if _NOTATION.search(sentence) or _WRONG.search(sentence) or _NOT.search(before) or _GOES_ON.match(text, last.end()):
        return None
    between = text[numbers[-2].end() : last.start()] if len(numbers) > 1 else "."
    point = _POINT.search(sentence)
    if point and not _HEDGE.search(sentence):
        return Found(point[1], "point")
    row = re.fullmatch(r"\W*(?:or|and)?\W*", between) and not re.search(r"[.=\n]", between)
    if row or _HEDGE.search(sentence):
        return Found(None, "hedged")
    return Found(last[0].strip(), "number")
