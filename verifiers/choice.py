"""Which option of a multiple-choice question does the response settle on?

A response that names several options in its final statement has not settled, and is no answer. Sentences are not
understood beyond "the answer is ..."; tags, boxes and a bare letter are read.
"""

import re
from string import ascii_uppercase
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from verifiers.base import Verdict
from verifiers.format import final_part
from verifiers.math.extract import announced, hashes, last_box, tagged

TAIL = 1 << 16
"""Characters at the end of a response that are searched."""
LONGEST = 1000
"""Characters of a statement that names an option; the patterns below take quadratic time."""
_BARE = re.compile(
    r"\W*(?:(?:option|choice|answer)\b\W*)?(?:\\(?:text|textbf|mathrm|mathbf)\s*\{)?\W*([A-Za-z])\W*", re.I
)
_LABEL = re.compile(r"(?<![\w\\'’])(?:\(([A-Z])\)|([A-Z])(?=\s*[).:\]}]|\s*$)|\b(?:option|choice)\s+([A-Z])\b)", re.M)
_ANY = re.compile(r"(?<![\w\\'’])(?:[B-HJ-Z]|[AI](?!\s+(?!(?:or|and)\b)[a-z]))(?![\w'’])")
"""Any letter that stands alone; "A dog" and "I think" begin with words."""


class ChoiceReference(BaseModel):
    """`"B"` or `{"answer": "B", "choices": {"A": "Rome", "B": "Paris"}}`; beside a list, label, text or index."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answer: str = Field(pattern=r"^[A-Z]$")
    choices: dict[str, str] = {}

    @model_validator(mode="before")
    @classmethod
    def _shapes(cls, value: Any) -> Any:
        value = dict(value) if isinstance(value, dict) else {"answer": value}
        choices = value.get("choices") or {}
        if isinstance(choices, (list, tuple)):
            choices = dict(zip(ascii_uppercase, map(str, choices), strict=False))
        if not isinstance(choices, dict):
            raise ValueError(f"choices must be a list or an object of label and text, got {choices!r:.60}")
        return {**value, "choices": choices, "answer": label_of(value.get("answer"), choices)}

    @model_validator(mode="after")
    def _among_the_choices(self) -> "ChoiceReference":
        if self.choices and self.answer not in self.choices:
            raise ValueError(f"answer {self.answer!r} is not among the choices {', '.join(self.choices)}")
        return self


def label_of(answer: Any, choices: dict[str, str]) -> Any:
    """The label of an answer given as label, index from 0, or text of the choice."""
    if isinstance(answer, int) and not isinstance(answer, bool) and 0 <= answer < len(choices):
        return list(choices)[answer]
    if not isinstance(answer, str):
        return answer
    bare = _BARE.fullmatch(answer)
    return bare[1].upper() if bare else by_text(answer, choices) or answer


class Statement(NamedTuple):
    """The label that a text settles on, or why there is none."""

    label: str | None
    reason: str = ""


class ChoiceVerifier:
    """1.0 when the response settles on the right option."""

    name = "choice"
    version = "1.0.0"
    isolation = "inline"
    Reference = ChoiceReference

    def verify(self, response: str, reference: Any, params: Any = None) -> Verdict:
        task = ChoiceReference.model_validate(reference)
        found = settled(final_part(response)[-TAIL:], task.choices)
        if found.label is None:
            return Verdict.no_answer(found.reason)
        if found.label == task.answer:
            return Verdict.correct(extracted=found.label)
        return Verdict.incorrect("different", extracted=found.label)


def settled(text: str, choices: dict[str, str]) -> Statement:
    """The last box, else the answer tag, `####`, "the answer is", else a text that is an option and nothing more."""
    if not text.strip():
        return Statement(None, "empty_response")
    for step in (last_box, tagged, hashes, announced):
        found = step(text)
        if found is not None:
            return read_label(found.text or "", choices)
    statement = read_label(text.strip(), choices)
    if statement.label or "\n" not in text.strip():
        return statement
    return read_label(text.strip().splitlines()[-1], choices)


def read_label(text: str, choices: dict[str, str]) -> Statement:
    """One label, or one choice's text. Several labels are no answer."""
    if len(text) > LONGEST:
        return Statement(None, "no_answer")
    bare = _BARE.fullmatch(text)
    if bare:
        return known(bare[1].upper(), choices)
    quoted = by_text(text, choices)
    if quoted:
        return Statement(quoted)
    labels = {next(filter(None, groups)) for groups in _LABEL.findall(text)}
    if labels and len(labels.union(_ANY.findall(text))) > 1:
        return Statement(None, "ambiguous")
    return known(labels.pop(), choices) if labels else Statement(None, "no_answer")


def known(label: str, choices: dict[str, str]) -> Statement:
    return Statement(None, "no_such_option") if choices and label not in choices else Statement(label)


def by_text(text: str, choices: dict[str, str]) -> str | None:
    """The only choice with this text, white space, case and a final full stop aside."""

    def normal(one: str) -> str:
        return " ".join(one.casefold().split()).strip("*. ")

    labels = [label for label, choice in choices.items() if normal(choice) == normal(text)]
    return labels[0] if len(labels) == 1 else None
