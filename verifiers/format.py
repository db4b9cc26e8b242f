"""Is the answer in the required shape: the tags `<think>...</think><answer>...</answer>`, each once and in order.

It says nothing of whether the answer is right: put it in front of another verifier with `gate` or `all`.
`after_thinking` is what every other verifier reads of a response.
"""

import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from verifiers.base import Verdict

Tag = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=64)]


def after_thinking(response: str, tag: str = "think") -> str:
    """The text after the last closing tag of the reasoning; the whole response when there is none."""
    return response.rpartition(f"</{tag}>")[2]


def final_part(response: str) -> str:
    """`after_thinking`, but empty for reasoning that was cut off: what stands in it is no answer yet."""
    text = after_thinking(response)
    return "" if text is response and "<think>" in response else text


class FormatReference(BaseModel):
    """nothing: `{}` or null, since the format is the same for every task"""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _nothing(cls, value: Any) -> Any:
        return {} if value is None else value


class FormatParams(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    tags: list[Tag] = Field(default=["think", "answer"], min_length=1, max_length=16)
    """Sections that the response must consist of, in this order."""
    allow_outside: bool = False
    """Take text before, between and after the sections; by default only white space may stand there."""
    implicit_open: bool = False
    """The prompt already holds the first opening tag (chat templates that open `<think>`), so it may be missing."""
    allow_empty: bool = False
    """Take sections without any text."""


class FormatVerifier:
    """1.0 for a well-formed response, 0.0 for any other; `extracted` is the text of the last section."""

    name = "format"
    version = "1.0.0"
    isolation = "inline"
    Reference = FormatReference
    Params = FormatParams

    def verify(self, response: str, reference: Any = None, params: Any = None) -> Verdict:
        FormatReference.model_validate(reference)
        rules = FormatParams.model_validate(params or {})
        if not response.strip():
            return Verdict.no_answer("empty_response")
        sections, fault = read_sections(response, rules)
        if fault:
            return Verdict.incorrect(fault)
        return Verdict.correct("well_formed", extracted=sections[-1].strip())


def read_sections(response: str, rules: FormatParams) -> tuple[list[str], str]:
    """The text of every section and a fault code, which is empty for a well-formed response."""
    if rules.implicit_open and f"<{rules.tags[0]}>" not in response:
        response = f"<{rules.tags[0]}>{response}"
    expected = [f"<{slash}{tag}>" for tag in rules.tags for slash in ("", "/")]
    marks = list(re.finditer("|".join(map(re.escape, dict.fromkeys(expected))), response))
    found = [mark[0] for mark in marks]
    if found != expected:
        missing = next((tag for tag in expected if found.count(tag) < expected.count(tag)), None)
        return [], f"missing {missing}" if missing else "tags repeated or out of order"
    bounds = [0, *(edge for mark in marks for edge in mark.span()), len(response)]
    texts = [response[start:end] for start, end in zip(bounds[::2], bounds[1::2], strict=True)]
    outside, inside = texts[::2], texts[1::2]
    if not rules.allow_outside and "".join(outside).strip():
        return [], "text outside the tags"
    if not rules.allow_empty and not all(text.strip() for text in inside):
        return [], "empty section"
    return inside, ""
