"""The gate before RL: training tasks that hold evaluation tasks, by the rule of `rlvr.data.decontaminate`."""

from collections.abc import Mapping, Sequence
from typing import Literal

from rlvr.data.decontaminate import SHARE, WORDS, Index, Report
from rlvr.errors import UserError
from verifiers import Task

Rule = Literal["refuse", "drop", "keep"]


def gate(train: Sequence[Task], suites: Mapping[str, Sequence[Task]], rule: Rule) -> tuple[list[Task], int]:
    """The tasks to train on, and how many hold an evaluation task.

    Raises UserError, with an example, when there are some and the rule is `refuse`, or none would be left by `drop`.
    """
    report = Index({name: [text(task) for task in tasks] for name, tasks in suites.items() if tasks}).report(
        text(task) for task in train
    )
    flagged = report.flagged
    if flagged and (rule == "refuse" or (rule == "drop" and len(flagged) == len(train))):
        raise UserError(_refusal(train, suites, report))
    kept = [task for number, task in enumerate(train) if rule == "keep" or number not in flagged]
    return kept, len(flagged)


def text(task: Task) -> str:
    """The prompt as one text."""
    if isinstance(task.prompt, str):
        return task.prompt
    return "\n".join(str(message.get("content", "")) for message in task.prompt)


def _refusal(train: Sequence[Task], suites: Mapping[str, Sequence[Task]], report: Report) -> str:
    name, suite = next((name, suite) for name, suite in report.suites.items() if suite.hits)
    hit = suite.hits[0]
    example = f"{train[hit.document].id} holds {suites[name][hit.item].id} of {name}"
    return (
        f"{len(report.flagged)} of {len(train)} training tasks hold more than {SHARE:.0%} of an evaluation task's "
        f"words in n-grams of {WORDS} ({example}); use other tasks, or write tasks.contaminated = "
        '"drop" to leave them out or "keep" to train on them all the same'
    )
