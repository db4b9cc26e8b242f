"""The gate before RL: what holds an evaluation task is not trained on unnoticed."""

import pytest

from rlvr.errors import UserError
from rlvr.tasks.contamination import gate
from verifiers import Task

QUESTION = "A train leaves Paris at noon and travels east at ninety kilometres an hour for three hours"


def task(id: str, prompt: str, chat: bool = False) -> Task:
    return Task(id=id, prompt=[{"role": "user", "content": prompt}] if chat else prompt, verifier="math", reference="1")


TRAIN = [
    task("clean", "How many legs do seven spiders and four ants have together on a good day"),
    task("copied", f"Solve this one. {QUESTION}. How far?", chat=True),
]
HELD = {"validation": [task("other", "What is the capital of the country that Lyon lies in"), task("exam", QUESTION)]}


def test_tasks_that_share_nothing_pass() -> None:
    assert gate(TRAIN[:1], HELD, "refuse") == (TRAIN[:1], 0)
    assert gate(TRAIN, {"validation": []}, "refuse") == (TRAIN, 0)


def test_a_copied_task_is_refused_with_an_example() -> None:
    with pytest.raises(UserError, match=r"1 of 2 training tasks hold .*copied holds exam of validation.*contaminated"):
        gate(TRAIN, HELD, "refuse")


def test_it_can_be_left_out_or_kept() -> None:
    assert gate(TRAIN, HELD, "drop") == (TRAIN[:1], 1)
    assert gate(TRAIN, HELD, "keep") == (TRAIN, 1)


def test_leaving_out_everything_is_refused() -> None:
    with pytest.raises(UserError, match="1 of 1 training tasks"):
        gate(TRAIN[1:], HELD, "drop")
