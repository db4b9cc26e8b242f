"""MBPP (Austin et al. 2021): short Python tasks with asserts, the full set and the hand-verified one."""

from pydantic import AliasChoices, Field

from rlvr.tasks.base import DataSet, Example, Hub, Row, user
from verifiers.base import Task

SPLITS = {"prompt": range(1, 11), "test": range(11, 511), "validation": range(511, 601), "train": range(601, 975)}
"""The authors' splits, by task id; their own files hold all of them."""


class MbppRow(Row):
    task_id: int
    prompt: str = Field(validation_alias=AliasChoices("text", "prompt"))
    """`text` in the full set, `prompt` in the sanitized one."""
    code: str
    test_list: list[str] = Field(min_length=1)
    test_setup_code: str = ""
    test_imports: list[str] = Field(default_factory=list)


def build(row: MbppRow, label: str) -> Example:
    # One test shows the function's name and how it is called. The others stay hidden, so that writing their expected
    # values into the answer does not pass.
    shown = f"Your code should pass tests such as:\n```python\n{row.test_list[0].strip()}\n```"
    extras = {"test_imports": row.test_imports, "test_setup_code": row.test_setup_code}
    task = Task(
        id=f"mbpp/{row.task_id}",
        prompt=user(f"{row.prompt.strip()}\n{shown}\nAnswer with one Python code block."),
        verifier="code",
        reference={"test_list": row.test_list} | {name: value for name, value in extras.items() if value},
        source="mbpp",
    )
    return Example(task, gold=f"```python\n{row.code}\n```", question=row.prompt)


def split_of(row: MbppRow) -> str:
    return next((name for name, ids in SPLITS.items() if row.task_id in ids), "other")


MBPP = DataSet(
    name="mbpp",
    about="974 short Python tasks with three asserts each",
    hub=Hub("google-research-datasets/mbpp", "full", ("train", "test", "validation", "prompt")),
    row=MbppRow,
    build=build,
    whole=("mbpp.jsonl*",),
    split_of=split_of,
)

MBPP_SANITIZED = DataSet(
    name="mbpp-sanitized",
    about="427 tasks of MBPP that people have checked",
    hub=Hub("google-research-datasets/mbpp", "sanitized", ("train", "test", "validation", "prompt")),
    row=MbppRow,
    build=build,
    whole=("*sanitized*",),
    split_of=split_of,
)
