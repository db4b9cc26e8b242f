"""HumanEval (Chen et al. 2021): complete a Python function from its signature and docstring. A test set only."""

from rlvr.tasks.base import DataSet, Example, Hub, Row, user
from verifiers.base import Task

ASK = "Complete this function. Answer with the whole function, imports included, in one Python code block."


class HumanEvalRow(Row):
    task_id: str
    prompt: str
    canonical_solution: str
    test: str
    entry_point: str


def build(row: HumanEvalRow, label: str) -> Example:
    task = Task(
        id=row.task_id,
        prompt=user(f"{ASK}\n\n```python\n{row.prompt.rstrip()}\n```"),
        verifier="code",
        reference={"prompt": row.prompt, "test": row.test, "entry_point": row.entry_point},
        source="humaneval",
    )
    return Example(task, gold=f"```python\n{row.prompt}{row.canonical_solution}\n```", question=row.prompt)


HUMANEVAL = DataSet(
    name="humaneval",
    about="164 Python functions to complete, with hidden tests",
    hub=Hub("openai/openai_humaneval", None, ("test",)),
    row=HumanEvalRow,
    build=build,
    files={"test": ("HumanEval.jsonl*", "test.*", "test-*", "*[Hh]uman[Ee]val*")},
)
