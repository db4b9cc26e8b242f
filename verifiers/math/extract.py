r"""Where in a response the answer stands. The text is only cut, never put into a template.

In order: the text after `</think>`; the last box; `<answer>` tags; `####`; the last "final answer is", "answer:" and
their kin; a response that is an answer and nothing else; the last formula between dollars; the last number. A box that
is empty or never closed is no answer, and nothing else is looked for then.
"""

import re
from collections.abc import Callable

from verifiers.format import after_thinking
from verifiers.math.boxes import Found as Found
from verifiers.math.boxes import last_box as last_box
from verifiers.math.prose import (
    MATH,
    SENTENCE_END,
    bare,
    content_of,
    joined_formulas,
    last_formula,
    last_number,
    lettered,
    short_text,
    stated,
)
from verifiers.math.reading import MAX_LENGTH, read, single_backslashes

TAIL = 1 << 16
"""Characters at the end of a response that are searched."""

_END_MARK = re.compile(r"<\|(?:im_end|im_start|endoftext|eot_id|end_of_text|end)\|>|</s>")


def extract(response: str, method: str = "auto") -> Found:
    """`method` is the parameter `extraction`."""
    text = after_thinking(response)
    if text is response and "<think>" in response:
        return Found(None, "unfinished_thinking")
    text = single_backslashes(_END_MARK.split(text[-TAIL:], maxsplit=1)[0])
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


# Announced answers

_TAGS = re.compile(r"<answer>(.*?)</answer>", re.S | re.I)
_HASHES = re.compile(r"####[^\S\n]*([^\n]*)")
_IS = r"(?:\*\*|\s)*(?:\s+(?:is|are|was|equals|will\s+be|would\s+be|should\s+be|must\s+be)\b\s*:?|:|=)(?:\*\*|\s)*"
_FINAL = re.compile(rf"\bfinal\s+(?:answer|result){_IS}", re.I)
_ANCHOR = re.compile(
    r"(?:\bfinal\s+(?:answer|result)|\bthe\s+(?:correct\s+)?(?:(?:answer|solution)s?|option|choice|result|roots|zeros)|\banswer|\bans\b"
    rf"|(?<=\n)\s*A(?=\s*:))(?:\s+(?:to|for|of)\s[^\n.:]{{1,80}}?)?{_IS}",
    re.I | re.M,
)
_HOPE = re.compile(r"\.?\s*I hope (?:it|this) is correct.*", re.I | re.S)
_NEGATED = re.compile(r"(?:not|never|neither|unknown|unclear|n't)\b", re.I)
_ASIDE = re.compile(
    r",?\s+(?:because|since|as|which|where|so|when|hence|thus|therefore|for|after|in total|altogether|if|but)\b"
)
_SAID = re.compile(r"[A-Za-z$].*\b(?:is|are|equals)\s+(.+)", re.S)


def tagged(text: str) -> Found | None:
    tags = _TAGS.findall(text)
    if not tags:
        return None
    content = tags[-1].strip()
    return hashes(content) or announced(content) or Found(content, "tag")


def hashes(text: str) -> Found | None:
    marks = _HASHES.findall(text)
    if not marks:
        return None
    return announced(marks[-1]) or Found(marks[-1].strip(), "hashes")


def announced(text: str) -> Found | None:
    """Behind the last "the answer is": the first formula, or the sentence up to an aside."""
    return _behind(_ANCHOR, text)


def final(text: str) -> Found | None:
    return _behind(_FINAL, text)


def _behind(anchor: re.Pattern[str], text: str) -> Found | None:
    anchors = list(anchor.finditer(text))
    if not anchors:
        return None
    content = _HOPE.sub("", text[anchors[-1].end() :]).strip().lstrip("}")  # of `\\text{The answer is } 5`
    if _NEGATED.match(content):
        return Found(None, "negated")
    return _first_answer(content)


def _first_answer(content: str) -> Found:
    paragraph = content.split("\n\n")[0][:MAX_LENGTH]
    formula = MATH.match(paragraph)
    if formula and read(content_of(formula)).node is not None:
        return Found(joined_formulas(paragraph, formula), "announced")
    sentence = SENTENCE_END.split(paragraph, maxsplit=1)[0]
    said = _SAID.fullmatch(sentence)
    for part in (sentence, _ASIDE.split(sentence, maxsplit=1)[0], said[1] if said else ""):
        part = part.strip(" *`_")
        answer = read(part)
        if part and (answer.node is not None or answer.words is not None or answer.choice):
            return Found(part, "announced")
    inside = MATH.search(sentence)
    if inside and not re.search(r"\d", sentence[: inside.start()]):
        return Found(joined_formulas(sentence, inside), "announced")
    return last_number(sentence) or Found(sentence.strip(" *`_"), "announced")


METHODS: dict[str, tuple[Callable[[str], Found | None], ...]] = {
    "auto": (last_box, tagged, hashes, announced, lettered, bare, last_formula, stated, last_number, short_text),
    "boxed": (last_box,),
    "hashes": (hashes, bare, last_number),
    "final_answer": (final,),
}
