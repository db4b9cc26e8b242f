"""LLaMA-Factory's reward model over HTTP: `POST /v1/score/evaluation`.

Its knobs: `reward_model_type: api`, `reward_model: URL`. Its client sends whole conversations as text and nothing
else, so the service must know the tasks: `rlvr serve --labels TASKS.jsonl` reads rows `{prompt, verifier, reference,
params?}` and finds each conversation's by its prompt. The client waits without end and never tries again.
"""

import asyncio
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, Self

from fastapi import Request
from pydantic import BaseModel, ValidationError

from verifiers.base import Task
from verifiers.call import Item
from verifiers.labels import without_end
from verifiers.problems import Problem
from verifiers.wire import door

router = door.router("LLaMA-Factory")
PATIENCE = door.Patience(600.0, 503)
WINDOW = 32
"""Characters of a prompt's end that are looked up first."""
_TURN = re.compile(r"(?:\s|<[^<>\n]{1,40}>|\[/?INST\]|(?:assistant|model)\b:?)*")


class ScoreEvaluation(BaseModel):
    """Conversations as text, each with one response at its end."""

    model: str
    messages: list[str]


class Scores(BaseModel):
    id: str = "scoreeval-default"
    object: Literal["score.evaluation"] = "score.evaluation"
    model: str
    scores: list[float]


class Labels:
    """Tasks by the text of their prompts, however these are wrapped into a conversation."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks: dict[str, list[tuple[str, Task]]] = {}
        for task in tasks:
            prompt = _prompt(task)
            self._tasks.setdefault(prompt[-WINDOW:], []).append((prompt, task))
        self._lengths = sorted({len(end) for end in self._tasks})

    @classmethod
    def read(cls, file: Path) -> Self:
        """Raises OSError, or ValueError with one line for a row that is no task."""
        return cls(_rows(file))

    def find(self, conversation: str) -> tuple[Task, str] | None:
        """The task with the longest prompt that the conversation holds, and what stands behind it."""
        best: tuple[str, Task] | None = None
        for length in self._lengths:
            for start in range(len(conversation) - length + 1):
                for prompt, task in self._tasks.get(conversation[start : start + length], ()):
                    whole = conversation[: start + length].endswith(prompt)
                    if whole and (best is None or len(prompt) > len(best[0])):
                        best = prompt, task
        return (best[1], conversation.partition(best[0])[2]) if best else None


@router.post("/v1/score/evaluation")
async def score(request: Request, body: ScoreEvaluation) -> Scores:
    """Judge the last turn of each conversation."""
    labels: Labels | None = request.app.state.labels
    if labels is None:
        raise Problem(422, "no tasks are known here: start the service with `--labels TASKS.jsonl`", "no-labels")
    items = await asyncio.to_thread(lambda: [_item(labels, conversation) for conversation in body.messages])
    verdicts = await door.judged(request, items, PATIENCE)
    return Scores(model=body.model, scores=[verdict.score or 0.0 for verdict in verdicts])


def _item(labels: Labels, conversation: str) -> Item:
    found = labels.find(conversation)
    if found is None:
        raise Problem(422, f"no known prompt is in {conversation[:80]!r}", "no-label")
    task, rest = found
    turn = _TURN.match(rest)
    response = without_end(rest[turn.end() if turn else 0 :])
    return Item(task.id, task.verifier, response, task.reference, task.params)


def _prompt(task: Task) -> str:
    """The text that surely is in the conversation: the prompt, or its last message."""
    text = task.prompt if isinstance(task.prompt, str) else task.prompt[-1]["content"]
    return str(text).strip()


def _rows(file: Path) -> Iterator[Task]:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield _task(line, f"{file}: line {number}", str(number))


def _task(line: str, where: str, id: str) -> Task:
    try:
        row: dict[str, Any] = {"id": id} | json.loads(line)
        task = Task.model_validate({key: value for key, value in row.items() if key in Task.model_fields})
    except (ValueError, TypeError, ValidationError) as error:
        raise ValueError(f"{where}: expected {{prompt, verifier, reference, params?}}: {str(error)[:200]!r}") from None
    if not _prompt(task):
        raise ValueError(f"{where}: the prompt is empty")
    return task
