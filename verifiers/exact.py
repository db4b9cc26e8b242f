"""The response is one of the accepted texts. The smallest verifier, and the model for a plug-in.

It reads the text after `</think>`, trimmed, and finds no answer inside a sentence: that is the work of `math`,
`choice` and `regex`.
"""

import unicodedata
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from verifiers.base import Verdict
from verifiers.format import final_part


class ExactReference(BaseModel):
    """`"Paris"`, `["Paris", "paris"]`, `{"answer": "Paris"}` or `{"answers": ["Paris", "paris"]}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answers: list[str] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _shapes(cls, value: Any) -> Any:
        if isinstance(value, dict) and set(value) == {"answer"}:
            value = value["answer"]
        if isinstance(value, str):
            return {"answers": [value]}
        return {"answers": value} if isinstance(value, list) else value


class ExactParams(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    ignore_case: bool = False
    collapse_space: bool = False
    """Runs of white space count as one space."""


class ExactVerifier:
    """Equality of trimmed Unicode text (NFC), as strict as the parameters say."""

    name = "exact"
    version = "1.0.0"
    isolation = "inline"
    Reference = ExactReference
    Params = ExactParams

    def verify(self, response: str, reference: Any, params: Any = None) -> Verdict:
        accepted = ExactReference.model_validate(reference).answers
        rules = ExactParams.model_validate(params or {})
        answer = final_part(response).strip()
        if not answer and all(text.strip() for text in accepted):
            return Verdict.no_answer()
        if normal(answer, rules) in {normal(text, rules) for text in accepted}:
            return Verdict.correct(extracted=answer)
        return Verdict.incorrect("different", extracted=answer)


def normal(text: str, rules: ExactParams) -> str:
    """The form in which two texts are compared."""
    text = unicodedata.normalize("NFC", text.strip())
    if rules.collapse_space:
        text = " ".join(text.split())
    return text.casefold() if rules.ignore_case else text
