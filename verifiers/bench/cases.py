"""Labelled cases, from JSONL files or a verifier's examples: a response, its reference, and the score that it deserves.

Two kinds of rows are read. Whole ones: `{"response", "reference", "score" or "correct", "params"?, "category"?,
"id"?}`; and pairs of answers as sets of math cases have them: `{"gold", "answer", "equal", "category"?, "mode"?}`,
where mode `response` means that the answer is a whole response. Other keys are notes.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from verifiers.base import VerifierError
from verifiers.call import problems, well_formed
from verifiers.catalogue import load
from verifiers.examples import EXAMPLES, Example


class Case(BaseModel):
    """One response whose score is known."""

    model_config = ConfigDict(frozen=True)

    id: str = ""
    response: str
    reference: Any
    params: dict[str, Any] | None = None
    score: float = Field(ge=0.0, le=1.0)
    """What a right verifier gives."""
    category: str = "all"
    bare: bool = False
    """The response is an answer without a word around it; other graders want it in a box."""

    @model_validator(mode="before")
    @classmethod
    def _shapes(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError(f"expected an object, got {type(value).__name__}")
        if "gold" in value and "answer" in value:
            bare = value.get("mode", "answer") == "answer"
            value = {**value, "response": value["answer"], "reference": value["gold"], "bare": bare}
            value["score"] = value.get("equal")
        if "correct" in value:
            value = {**value, "score": value["correct"]}
        if isinstance(value.get("score"), bool):
            value = {**value, "score": float(value["score"])}
        if isinstance(value.get("id"), int):
            value = {**value, "id": str(value["id"])}
        if isinstance(value.get("response"), str):
            value = {**value, "response": well_formed(value["response"])}
        return value


def read_cases(file: Path) -> list[Case]:
    """Raises ValueError with one line, which names the line of the file, for rows that are no cases."""
    cases = list(_rows(file))
    if not cases:
        raise ValueError(f"{file} holds no cases")
    return cases


def _rows(file: Path) -> Iterator[Case]:
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            case = Case.model_validate(json.loads(line))
        except json.JSONDecodeError as error:
            raise ValueError(f"{file} line {number}: not JSON: {error.msg}") from None
        except ValidationError as error:
            shape = "{response, reference, score or correct, category?} or {gold, answer, equal, category?}"
            raise ValueError(f"{file} line {number}: {problems(error)}; a case is {shape}") from None
        yield case if case.id else case.model_copy(update={"id": f"line {number}"})


def from_examples(name: str, examples: Sequence[Example] | None = None) -> list[Case]:
    """The verifier's own examples as cases. Raises VerifierError when it has none."""
    known = examples or getattr(load(name), "examples", None) or EXAMPLES.get(name, [])
    if not known:
        raise VerifierError(f"{name!r} has no examples; give a file of cases")
    rows = [Example(*row)._asdict() for row in known]
    return [Case.model_validate({"id": f"example {number}", **row}) for number, row in enumerate(rows, 1)]
