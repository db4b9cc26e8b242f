"""MATH (Hendrycks et al. 2021) and sets of its shape: a problem, and an answer or a solution that boxes it."""

from typing import Self

from pydantic import model_validator

from rlvr.tasks.base import DataSet, Example, Hub, Row, user
from rlvr.tasks.gsm8k import BOXED
from verifiers.base import Task


class MathRow(Row):
    problem: str
    answer: str | int | float | None = None
    solution: str | None = None
    unique_id: str | None = None

    @model_validator(mode="after")
    def _has_an_answer(self) -> Self:
        if not self.final:
            raise ValueError("expected `answer`, or a `solution` with the answer in \\boxed{}")
        return self

    @property
    def final(self) -> str:
        return str(self.answer).strip() if self.answer is not None else last_boxed(self.solution or "")


def last_boxed(text: str) -> str:
    r"""What stands in the last `\boxed{...}` or `\fbox{...}`; empty when there is none or it never closes."""
    start = max(text.rfind("\\boxed{"), text.rfind("\\fbox{"))
    if start < 0:
        return text.rpartition("\\boxed ")[2].partition("$")[0].strip() if "\\boxed " in text else ""
    begin = text.index("{", start) + 1
    depth = 1
    for at in range(begin, len(text)):
        depth += (text[at] == "{") - (text[at] == "}")
        if depth == 0:
            return text[begin:at].strip()
    return ""


def build(row: MathRow, label: str) -> Example:
    task = Task(
        id=f"math/{row.unique_id or label}",
        prompt=user(f"{row.problem.strip()}\n\n{BOXED}"),
        verifier="math",
        reference=row.final,
        source="math",
    )
    return Example(task, gold=f"\\boxed{{{row.final}}}", question=row.problem, worked=row.solution)


MATH = DataSet(
    name="math",
    about="12,500 competition problems, answers in LaTeX",
    hub=Hub("DigitalLearningGmbH/MATH-lighteval", None, ("train", "test")),
    row=MathRow,
    build=build,
)

MATH_500 = DataSet(
    name="math-500",
    about="500 held-out MATH problems, the usual test set",
    hub=Hub("HuggingFaceH4/MATH-500", None, ("test",)),
    row=MathRow,
    build=build,
    files={"test": ("test.*", "test-*", "*500*")},
)
