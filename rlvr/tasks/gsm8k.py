"""GSM8K (Cobbe et al. 2021): grade-school word problems; the answer's text ends in `#### N`."""

from pydantic import field_validator

from rlvr.tasks.base import DataSet, Example, Hub, Row, user
from verifiers.base import Task

BOXED = "Think step by step, and put the final answer in \\boxed{}."


class GSM8KRow(Row):
    question: str
    answer: str

    @field_validator("answer")
    @classmethod
    def _ends_in_a_number(cls, text: str) -> str:
        if not text.rpartition("####")[1] or not text.rpartition("####")[2].strip():
            raise ValueError("expected a solution that ends in '#### N'")
        return text


def build(row: GSM8KRow, label: str) -> Example:
    task = Task(
        id=f"gsm8k/{label}",
        prompt=user(f"{row.question.strip()}\n\n{BOXED}"),
        verifier="math",
        reference=row.answer.rpartition("####")[2].strip(),
        source="gsm8k",
    )
    return Example(task, gold=row.answer, question=row.question)


GSM8K = DataSet(
    name="gsm8k",
    about="8,792 grade-school word problems, answers are numbers",
    hub=Hub("openai/gsm8k", "main", ("train", "test")),
    row=GSM8KRow,
    build=build,
)
