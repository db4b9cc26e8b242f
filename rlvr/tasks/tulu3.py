"""Tulu 3's prompts for RL with verifiable rewards, and any set in their layout: messages, ground_truth, dataset.

`dataset` says how an answer is checked: `gsm8k` and `math` by our math verifier, `ifeval` by our instructions verifier,
whose reference takes the published labels as they are. Leaves out: sets whose checks need a judge.
"""

import json
from typing import Any

from pydantic import field_validator

from rlvr.tasks.base import DataSet, Example, Hub, Row, user
from verifiers.base import Task

VERIFIERS = {
    "gsm8k": "math",
    "math": "math",
    "ifeval": "instructions",
    "ifeval_old": "instructions",
}
"""What the layout calls a data set, in small letters -> the verifier that judges it."""


class Tulu3Row(Row):
    messages: list[dict[str, Any]]
    ground_truth: str
    dataset: str
    constraint_type: str | None = None
    constraint: str | None = None
    id: str | None = None

    @field_validator("ground_truth", "dataset", mode="before")
    @classmethod
    def _single(cls, value: Any) -> Any:
        """Later sets wrap both in a list of one."""
        return value[0] if isinstance(value, list) and len(value) == 1 else value

    @field_validator("dataset")
    @classmethod
    def _known(cls, name: str) -> str:
        if name.lower() not in VERIFIERS:
            raise ValueError(f"expected one of {', '.join(VERIFIERS)}")
        return name.lower()

    @field_validator("messages")
    @classmethod
    def _open(cls, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if not messages or messages[-1].get("role") != "user":
            raise ValueError("expected messages that end with the user's turn")
        return messages


def build(row: Tulu3Row, label: str) -> Example:
    verifier = VERIFIERS[row.dataset]
    task = Task(
        id=row.id or f"tulu3/{label}",
        prompt=row.messages,
        verifier=verifier,
        reference=row.ground_truth,
        source=f"tulu3/{row.dataset}",
    )
    return Example(task, gold=f"\\boxed{{{row.ground_truth}}}" if verifier == "math" else None)


def row_of(task: Task) -> dict[str, Any]:
    """A math or instructions task in that layout. Raises ValueError for another one, or one with parameters."""
    names = {"math": "math", "instructions": "ifeval"}
    if task.verifier not in names or task.params:
        told = f"verifier {task.verifier!r}" + (" with parameters" if task.params else "")
        raise ValueError(f"task {task.id}: Tulu's layout holds math and instructions, without parameters; got {told}")
    reference = task.reference
    if task.verifier == "math" and isinstance(reference, dict):
        reference = reference["answer"]
    return {
        "messages": user(task.prompt) if isinstance(task.prompt, str) else task.prompt,
        "ground_truth": reference if isinstance(reference, str) else json.dumps(reference),
        "dataset": names[task.verifier],
    }


TULU3 = DataSet(
    name="tulu3-rlvr",
    about="29,946 prompts of Tulu 3's RLVR stage: GSM8K, MATH and constraints; and files in that layout",
    hub=Hub("allenai/RLVR-GSM-MATH-IF-Mixed-Constraints"),
    row=Tulu3Row,
    build=build,
)
