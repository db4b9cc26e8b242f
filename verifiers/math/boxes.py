r"""The boxes of a response: `\boxed{...}`, also `\fbox`, `\boxed 5`, and the `\b` that JSON ate.

The last box is the answer. Boxes with nothing but a comma, an `and` or an `or` between them are one answer in parts.
"""

import re
from typing import NamedTuple


class Found(NamedTuple):
    """The answer's text, or None; `how` names the place where it stood, or the reason why there is none."""

    text: str | None
    how: str
    percent: bool = False
    """A percent sign stands behind the box: `\\boxed{20}\\%` may mean 20 or 20%."""


_BOX = re.compile(r"(?:\\(?:boxed|fbox)|\x08oxed)(?![A-Za-z])\s*")
_BRACE = re.compile(r"\\.|[{}]", re.S)
_UNBRACED = re.compile(r"\\[A-Za-z]+|[^\s$.,\\{}]+")
_FILLER = r"(?:\s|\$|\\[()\[\],;:! ]|\\q?quad)*"
_LABEL = re.compile(r"[A-Za-z](?:_\{?\w{1,8}\}?)?\s*=\s*$")
_BETWEEN = re.compile(
    rf"{_FILLER}(?:,|;|&|(?:,\s*)?(?:and|or)|\\text\{{[^{{}}]{{0,24}}?\b(?:and|or)\s*\}})?{_FILLER}"
    r"(?:[A-Za-z](?:_\{?\w{1,8}\}?)?\s*=\s*)?"
)
"""What may stand between the boxes of one answer."""
_PERCENT = re.compile(r"\s*\$?\s*(?:\\,|\\ )?\s*(?:\\?%|(?:\\text\s*\{\s*)?(?:percent|per cent|pct)\b)")


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
    group = [last]
    joints: list[str] = []
    while found and found[-1].content is not None:
        between = text[found[-1].end : group[0].start]
        if len(between) > 60 or not _BETWEEN.fullmatch(between):
            break
        group.insert(0, found.pop())
        joints.insert(0, " or " if "or" in between else " , ")
    parts = [_inner(box.content or "") for box in group]
    if len(group) > 1:
        parts = [_label(text, box) + part for box, part in zip(group, parts, strict=True)]
    answer = "".join(part + joint for part, joint in zip(parts, [*joints, ""], strict=True))
    percent = bool(_PERCENT.match(text, last.end))
    return Found(answer, "box", percent) if answer.strip(" ,") else Found(None, "empty_box")


def _label(text: str, box: Box) -> str:
    """The `x =` in front of one of several boxes."""
    label = _LABEL.search(text[max(0, box.start - 16) : box.start])
    return label[0] if label else ""


def _inner(content: str) -> str:
    """A box in a box is the same answer."""
    for _ in range(8):
        inner = boxes(content)
        if len(inner) != 1 or inner[0].content is None:
            break
        content = content[: inner[0].start] + inner[0].content + content[inner[0].end :]
    return content
