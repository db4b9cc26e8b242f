"""The constraints of one task, in every shape that the data sets have, checked before any response is.

IFEval and IFBench rows `{"instruction_id_list", "kwargs"}`; the label of IF-RLVR, a list (or its text, as Python or
JSON) of one `{"instruction_id", "kwargs"}`; the older label of Tulu 3, `{"func_name", ...arguments}` (or its text).
"""

import ast
import difflib
import json
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from verifiers.instructions.arguments import Arguments
from verifiers.instructions.catalogue import CONSTRAINTS, Constraint

MAX_LABEL = 1_000_000
TULU3 = "tulu3:"


class InstructionsReference(BaseModel):
    """Which constraints hold, with the arguments of each in the same order. Null arguments are ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    instruction_id_list: list[str] = Field(min_length=1)
    kwargs: list[dict[str, Any]]
    prompt: str | None = None
    """The task's prompt, kept for the reader; no constraint looks at it."""
    _arguments: list[Arguments] = PrivateAttr()

    @model_validator(mode="before")
    @classmethod
    def _shapes(cls, value: Any) -> Any:
        value = _unwrapped(value)
        if not isinstance(value, dict):
            return value
        if "func_name" in value:
            more = {name: argument for name, argument in value.items() if name != "func_name"}
            value = {"instruction_id_list": [f"{TULU3}{value['func_name']}"], "kwargs": [more]}
        if "instruction_id" in value and "instruction_id_list" not in value:
            value = {"instruction_id_list" if key == "instruction_id" else key: part for key, part in value.items()}
        if isinstance(value.get("kwargs"), list):
            value = {**value, "kwargs": [_without_nulls(given) for given in value["kwargs"]]}
        return value

    @model_validator(mode="after")
    def _known(self) -> Self:
        ids, given = self.instruction_id_list, self.kwargs
        if len(ids) != len(given):
            raise ValueError(f"expected as many kwargs as instructions, got {len(given)} for {len(ids)}")
        self._arguments = [_read(name, each) for name, each in zip(ids, given, strict=True)]
        return self

    def constraints(self) -> list[tuple[str, Constraint, Arguments]]:
        """Id, rule and arguments of each constraint."""
        ids = self.instruction_id_list
        return [(name, CONSTRAINTS[name], each) for name, each in zip(ids, self._arguments, strict=True)]


def _unwrapped(value: Any) -> Any:
    """The one mapping inside the text or the list that data sets wrap around it."""
    for _ in range(4):
        if isinstance(value, str):
            value = _parsed(value)
        elif isinstance(value, list) and len(value) == 1:
            value = value[0]
        else:
            break
    return value


def _parsed(text: str) -> Any:
    """JSON, or a Python literal: IF-RLVR writes its labels as `str` of a list."""
    if len(text) > MAX_LABEL:
        raise ValueError(f"a label of {len(text)} characters is too long; expected at most {MAX_LABEL}")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise ValueError(f"expected a label that is JSON or a Python literal, got {text[:80]!r}") from None


def _without_nulls(given: Any) -> Any:
    """Data sets pad every row with null arguments, and write null for no argument at all."""
    if given is None:
        return {}
    return {name: value for name, value in given.items() if value is not None} if isinstance(given, dict) else given


def _read(name: str, given: dict[str, Any]) -> Arguments:
    if name not in CONSTRAINTS:
        near = difflib.get_close_matches(name, CONSTRAINTS, 1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; {len(CONSTRAINTS)} are known"
        raise ValueError(f"no instruction has the id {name!r}{hint}")
    model = CONSTRAINTS[name].arguments
    try:
        return model.model_validate(given)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc'])) or 'kwargs'}: {fault['msg']}" for fault in error.errors()]
        wanted = ", ".join(model.model_fields) or "no kwargs"
        raise ValueError(f"{name} takes {wanted}; {'; '.join(faults)}") from None
