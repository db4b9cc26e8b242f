"""Does the response match a pattern of the task?

A pattern can take exponential time on a hostile response, so this runs where it can be killed.
"""

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from verifiers.base import Verdict
from verifiers.format import final_part


class RegexReference(BaseModel):
    """`"pattern"`, or `{"pattern": ..., "answer": ...}`: the last match (its first group, if any) must be this text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pattern: str
    answer: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _shapes(cls, value: Any) -> Any:
        return {"pattern": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _compiles(self) -> "RegexReference":
        try:
            re.compile(self.pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"pattern is no regular expression of Python's re: {error}") from error
        return self


class RegexParams(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    where: Literal["whole", "anywhere"] = "whole"
    """`whole`: all of the text, trimmed. `anywhere`: some part of it. With an `answer` it is always `anywhere`."""
    ignore_case: bool = False
    multiline: bool = False
    """`^` and `$` at every line, as re.MULTILINE."""
    dot_all: bool = False
    """`.` takes newlines, as re.DOTALL."""


class RegexVerifier:
    """1.0 when the text after the reasoning matches the pattern."""

    name = "regex"
    version = "1.0.0"
    isolation = "process"
    Reference = RegexReference
    Params = RegexParams

    def verify(self, response: str, reference: Any, params: Any = None) -> Verdict:
        task = RegexReference.model_validate(reference)
        rules = RegexParams.model_validate(params or {})
        flags = rules.ignore_case * re.I | rules.multiline * re.M | rules.dot_all * re.S
        pattern, text = re.compile(task.pattern, flags), final_part(response).strip()
        if task.answer is None and rules.where == "whole":
            match = pattern.fullmatch(text)
        else:
            match = next(reversed([*pattern.finditer(text)]), None)
        if match is None:
            return Verdict.incorrect("no_match") if text else Verdict.no_answer("empty_response")
        found = (match[1] if pattern.groups else match[0]) or ""
        if task.answer is None or found == task.answer:
            return Verdict.correct("match", extracted=found)
        return Verdict.incorrect("different", extracted=found)
