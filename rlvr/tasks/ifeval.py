"""IFEval (Zhou et al. 2023): prompts with constraints that a program can check. It has no gold responses."""

from typing import Any, Self

from pydantic import AliasChoices, Field, model_validator

from rlvr.tasks.base import DataSet, Example, Hub, Row, user
from rlvr.tasks.rows import without_nulls
from verifiers.base import Task


class IFEvalRow(Row):
    key: int | str
    prompt: str
    instruction_id_list: list[str]
    settings: list[dict[str, Any] | None] = Field(validation_alias=AliasChoices("kwargs"))

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if len(self.instruction_id_list) != len(self.settings):
            counts = f"{len(self.instruction_id_list)} and {len(self.settings)}"
            raise ValueError(f"expected as many kwargs as instruction_id_list has, got {counts}")
        return self


def build(row: IFEvalRow, label: str) -> Example:
    reference = {
        "instruction_id_list": row.instruction_id_list,
        "kwargs": [without_nulls(settings or {}) for settings in row.settings],
        "prompt": row.prompt,
    }
    task = Task(
        id=f"ifeval/{row.key}",
        prompt=user(row.prompt),
        verifier="instructions",
        reference=reference,
        source="ifeval",
    )
    return Example(task)


IFEVAL = DataSet(
    name="ifeval",
    about="541 prompts with checkable constraints, no gold responses",
    hub=Hub("google/IFEval", None, ("train",)),
    row=IFEvalRow,
    build=build,
    files={"train": ("input_data*", "train.*", "train-*", "*[Ii][Ff][Ee]val*")},
)
