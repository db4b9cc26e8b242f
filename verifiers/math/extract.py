r"""Where in a response the answer stands. The text is only cut, never put into a template.

In order: the text after `</think>`; the last box (neighbouring boxes are one list); `<answer>` tags; `####`; the last
"final answer is", "answer:" and their kin; a response that is an answer and nothing else; the last formula between
dollars; the last number. A box that is empty or never closed is no answer, and nothing else is looked for then.
"""

import re
from typing import NamedTuple

from verifiers.format import after_thinking
from verifiers.math.nodes import Node, contains
from verifiers.math.reading import MAX_LENGTH, read

TAIL = 1 << 16
"""Characters at the end of a response that are searched."""


class Found(NamedTuple):
    """The answer's text, or None; `how` names the place where it stood, or the reason why there is none."""

    text: str | None
    how: str


def extract(response: str, method: str = "auto") -> Found:
    """`method` is the parameter `extraction`."""
    text = after_thinking(response)
    if text is response and "<think>" in response:
        return Found(None, "unfinished_thinking")
    text = text[-TAIL:]
    if not text.strip():
        return Found(None, "empty_response")
    if method == "whole":
        return Found(text.strip(), "whole")
    for step in METHODS[method]:
        found = step(text)
        if found is not None:
            return _checked(found)
    return Found(None, "no_answer")


def _checked(found: Found) -> Found:
    if found.text is not None and not found.text.strip(" \n\t$.,"):
        return Found(None, "empty_answer")
    return found


# Boxes

_BOX = re.compile(r"(?:\\(?:boxed|fbox)|\x08oxed)(?![A-Za-z])\s*")
_BRACE = re.compile(r"\\.|[{}]", re.S)
_UNBRACED = re.compile(r"\\[A-Za-z]+|[^\s$.,\\{}]+")
_BETWEEN = re.compile(
    r"\s*(?:\$|\\[()\[\]])*\s*(?:,|;|and|or|,\s*and|,\s*or|&|\\text\{\s*(?:and|or)\s*\})?\s*(?:\$|\\[()\[\]])*\s*"
)


class Box(NamedTuple):
    start: int
    end: int
    content: str | None


def boxes(text: str) -> list[Box]:
    """The outermost boxes. The content is None where the brace never closes."""
    marks = list(_BOX.finditer(text))
    if not marks:
        return []
    closing = _closing_braces(text, marks[0].start())
    found: list[Box] = []
    for mark in marks:
        start = mark.end()
        if found and mark.start() < found[-1].end:
            continue
        if not text.startswith("{", start):
            bare = _UNBRACED.match(text, start)
            found.append(Box(mark.start(), bare.end() if bare else start, bare[0] if bare else ""))
        elif start in closing:
            found.append(Box(mark.start(), closing[start] + 1, text[start + 1 : closing[start]]))
        else:
            found.append(Box(mark.start(), start, None))
    return found


def _closing_braces(text: str, start: int) -> dict[int, int]:
    """Where every brace closes. One pass, so that thousands of open boxes cost no more than one."""
    closing: dict[int, int] = {}
    stack: list[int] = []
    for match in _BRACE.finditer(text, start):
        if match[0] == "{":
            stack.append(match.start())
        elif match[0] == "}" and stack:
            closing[stack.pop()] = match.start()
    return closing


def last_box(text: str) -> Found | None:
    found = boxes(text)
    if not found:
        return None
    last = found.pop()
    if last.content is None:
        return Found(None, "unbalanced_box")
    group = [_inner(last.content)]
    while found and found[-1].content is not None:
        between = text[found[-1].end : last.start]
        if len(between) > 24 or not _BETWEEN.fullmatch(between):
            break
        last = found.pop()
        joint = " or " if "or" in between else " , "
        group[0] = f"{_inner(last.content or '')}{joint}{group[0]}"
    return Found(group[0], "box") if group[0].strip(" ,") else Found(None, "empty_box")


def _inner(content: str) -> str:
    """A box in a box is the same answer."""
    for _ in range(8):
        inner = boxes(content)
        if len(inner) != 1 or inner[0].content is None:
            break
        content = content[: inner[0].start] + inner[0].content + content[inner[0].end :]
    return content


# Announced answers

_TAGS = re.compile(r"<answer>(.*?)</answer>", re.S | re.I)
_HASHES = re.compile(r"####[^\S\n]*([^\n]*)")
_ANCHOR = re.compile(
    r"(?:\bfinal\s+(?:answer|result)|\bthe\s+(?:correct\s+)?(?:answer|option|choice|solution|result)|\banswer|\bans\b|(?<=\n)\s*A(?=\s*:))"
    r"(?:\s+(?:to|for|of)\s[^\n.:]{1,80}?)?(?:\*\*|\s)*(?:\s+(?:is|are|was|equals|will\s+be|would\s+be|should\s+be|must\s+be)\b\s*:?|:|=)"
    r"(?:\*\*|\s)*",
    re.I | re.M,
)
_HOPE = re.compile(r"\.?\s*I hope (?:it|this) is correct.*", re.I | re.S)
_NEGATED = re.compile(r"(?:not|never|neither|unknown|unclear|n't)\b", re.I)
_MATH = re.compile(r"(?<!\\)\$\$(.+?)\$\$|(?<!\\)\$((?:\\.|[^$\\\n])+)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.S)
_SENTENCE = re.compile(r"(?<!\bvs)(?<!\ba\.m)(?<!\bp\.m)[.!?](?=\s|$)(?!\s*\d)|\n|;\s")
_ASIDE = re.compile(
    r",?\s+(?:because|since|as|which|where|so|when|hence|thus|therefore|for|after|in total|altogether|if|but)\b"
)
_JOINT = re.compile(r"\s*(?:,|and|or|,\s*and|,\s*or)\s*")


def tagged(text: str) -> Found | None:
    tags = _TAGS.findall(text)
    if not tags:
        return None
    content = tags[-1].strip()
    return hashes(content) or announced(content) or Found(content, "tag")


def hashes(text: str) -> Found | None:
    marks = _HASHES.findall(text)
    return Found(marks[-1].strip(), "hashes") if marks else None


def announced(text: str) -> Found | None:
    """Behind the last "the answer is": the first formula, or the sentence up to an aside."""
    anchors = list(_ANCHOR.finditer(text))
    if not anchors:
        return None
    content = _HOPE.sub("", text[anchors[-1].end() :]).strip()
    if _NEGATED.match(content):
        return Found(None, "negated")
    return Found(_first_answer(content), "announced")


def _first_answer(content: str) -> str:
    line = content.split("\n\n")[0][:MAX_LENGTH]
    formula = _MATH.match(line)
    if formula:
        return _joined_formulas(line, formula)
    sentence = _SENTENCE.split(line, maxsplit=1)[0]
    inside = _MATH.search(sentence)
    if inside and not re.search(r"\d", sentence[: inside.start()]):
        return _joined_formulas(sentence, inside)
    if read(sentence).node is None:
        sentence = _ASIDE.split(sentence, maxsplit=1)[0]
    return sentence.strip(" *`_")


def _joined_formulas(line: str, formula: re.Match[str]) -> str:
    """`$2$ or $3$` is one answer of two parts, as `$5$ dollars` is."""
    parts = [_content(formula)]
    end = formula.end()
    while joint := _JOINT.match(line, end):
        following = _MATH.match(line, joint.end())
        if following is None:
            break
        parts.append(f" {joint[0].strip()} {_content(following)}")
        end = following.end()
    return "".join(parts)


def _content(formula: re.Match[str]) -> str:
    return next(group for group in formula.groups() if group is not None)


# Answers that nothing announces

_NUMBER = re.compile(
    r"(?<![\w.,/^])[-−–+]?\s?\$?\s?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:\s?/\s?\d+(?:\.\d+)?)?\s?(?:\\?%)?(?![\w]*\d)",
    re.ASCII,
)
_NOTATION = re.compile(r"\\(?![$%])|[{}]")
_CALCULATOR = re.compile(r"<<[^<>\n]*>>")
"""The annotations of GSM8K."""
_OPTION = re.compile(r"\b(?:option|choice)\s+\(?([A-J])\)?(?![\w'])", re.I)
_PREDICATE = re.compile(r"^(?:the|it|its|this|that)\b.*?\b(?:is|are|was)\s+(?!not\b)([^.]+)", re.I)
_WORD = re.compile(r"[A-Za-z]{3}")
_DENIED = re.compile(r"\b(?:wrong|incorrect|not (?:the|a|my|correct)\b|not \$?-?\d)", re.I)
_FORMULA_LIKE = re.compile(r"[\\^=<>|{}]")
_PROSE = re.compile(r"[.!?]\s|^(?:I|we|sorry|unfortunately|let|these)\b", re.I)
SHORT = 120


def bare(text: str) -> Found | None:
    """The response is an answer and nothing else, or says in one short sentence that something is so."""
    content = text.strip()
    if len(content) > MAX_LENGTH:
        return None if re.search(r"[A-Za-z]{3}\s+[A-Za-z]{3}", content[-400:]) else Found(content, "bare")
    answer = read(content)
    if answer.choice or (answer.node is not None and not _has_prose(answer.node)):
        return Found(content, "bare")
    if answer.words is not None and len(content) <= SHORT and not _PROSE.search(content):
        said = _PREDICATE.search(content)
        return Found(said[1] if said else content, "bare")
    return None


def _has_prose(node: Node) -> bool:
    """Words are an answer by themselves, or the label of an equation."""
    return node.kind not in ("text", "rel") and contains(node, "text")


def lettered(text: str) -> Found | None:
    letters = _OPTION.findall(text)
    return Found(letters[-1], "option") if letters else None


def last_formula(text: str) -> Found | None:
    """The last formula that can be read; dollar signs around prose are money."""
    formulas = [match for match in _MATH.finditer(text) if not _content(match).lstrip().startswith(("^", "_"))]
    if not formulas:
        return None
    at = len(formulas) - 1
    if read(_content(formulas[at])).node is None:
        return None
    while at and _JOINT.fullmatch(text, formulas[at - 1].end(), formulas[at].start()):
        at -= 1
    return Found(_joined_formulas(text, formulas[at]), "formula")


def last_number(text: str) -> Found | None:
    """The last number of a sentence in prose. A row of numbers, or a choice between them, is a hedge and no answer."""
    text = _CALCULATOR.sub("", text)
    numbers = list(_NUMBER.finditer(text))
    if not numbers:
        return None
    last = numbers[-1]
    sentence = _SENTENCE.split(text[: last.start()])[-1] + _SENTENCE.split(text[last.start() :], maxsplit=1)[0]
    if not _WORD.search(text) or _NOTATION.search(sentence) or _DENIED.search(sentence):
        return None
    if len(numbers) > 1:
        between = text[numbers[-2].end() : last.start()]
        if re.fullmatch(r"\W*(?:or|and)?\W*", between) and not re.search(r"[.=\n]", between):
            return Found(None, "hedged")
    return Found(last[0].strip(), "number")


def short_text(text: str) -> Found | None:
    """A phrase that the parser cannot read is still what was answered."""
    content = text.strip()
    if len(content) <= SHORT and "\n" not in content and not _PROSE.search(content + " "):
        return Found(content, "bare")
    return (
        Found(content, "bare")
        if len(content) <= SHORT and _FORMULA_LIKE.search(content) and " " not in content
        else None
    )


METHODS = {
    "auto": (last_box, tagged, hashes, announced, lettered, bare, last_formula, last_number, short_text),
    "boxed": (last_box,),
    "hashes": (hashes, bare, last_number),
    "final_answer": (announced,),
}
