"""Recorded Self-Instruct runs, replayed: from the completions of then, the same tasks, scores and examples.

Each folder `self_instruct/replay_*` below RLVR_TEST_DATA holds one run of the authors' scripts with its completions;
what is expected is read from the run itself. Prompts are ours, so completions are handed out in the order of requests
(tasks), and by the task in question (classification and examples).
"""

import asyncio
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from rlvr.data.record import Call
from rlvr.data.request import Reply, Request
from rlvr.data.run import Here, Run
from rlvr.data.self_instruct import SelfInstruct, SelfInstructConfig

FOLDER = os.environ.get("RLVR_TEST_DATA")
RUNS = sorted(Path(FOLDER, "self_instruct").glob("replay_*")) if FOLDER else []
pytestmark = pytest.mark.skipif(not RUNS, reason="needs recorded runs: RLVR_TEST_DATA with self_instruct/replay_*")


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@dataclass
class Recorded:
    """One recorded run: its completions as a teacher, and what its authors' scripts made of them."""

    tasks: list[dict[str, Any]]
    labels: dict[str, str]
    examples: dict[str, dict[str, Any]]
    instances: list[dict[str, Any]]
    completions: Iterator[Reply]

    @classmethod
    def read(cls, folder: Path) -> "Recorded":
        tasks = rows(folder / "machine_generated_instructions.jsonl")
        [classified] = folder.glob("is_clf_or_not*.jsonl")
        # Each kept task carries the completion that it came out of; those of one completion stand together.
        choices = [row["metadata"]["response"]["choices"][0] for row in tasks]
        completions = [key for key, _ in groupby((one["text"], one["finish_reason"]) for one in choices)]
        return cls(
            tasks=tasks,
            labels={row["instruction"]: row["is_classification"] for row in rows(classified)},
            examples={row["instruction"]: row for row in rows(folder / "machine_generated_instances.jsonl")},
            instances=rows(folder / "finetuning_data/all_generated_instances.jsonl"),
            completions=iter([Reply(text, reason) for text, reason in completions]),
        )

    async def ask(self, teacher: str, request: Request) -> tuple[Reply, Call]:
        reply = self.answer(request.prompt or "")
        return reply, Call("", teacher, "davinci", {}, reply.finish_reason, reply.usage)

    def answer(self, prompt: str) -> Reply:
        *_, question = prompt.split("Task: ")
        if "Task: " not in prompt:
            return next(self.completions, Reply(""))  # a request of which nothing was kept was not recorded
        if question.endswith("\nIs it classification?"):
            return Reply(self.labels[question.partition("\n")[0]])
        row = self.examples[question.strip()]
        return Reply(row["raw_instances"], row["instance_metadata"]["response"]["choices"][0]["finish_reason"])


@pytest.fixture(scope="module", params=RUNS, ids=lambda folder: folder.name)
def recorded(request: pytest.FixtureRequest) -> Recorded:
    return Recorded.read(request.param)


@pytest.fixture(scope="module")
def replayed(recorded: Recorded, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """The files that the recipe writes."""
    out = tmp_path_factory.mktemp("replay")
    config = SelfInstructConfig.model_validate(
        {
            "out": out,
            "seeds": Path(FOLDER or "", "self_instruct/seed_tasks.jsonl"),
            "instructions": len(recorded.tasks),
            "teacher": {"kind": "openai", "url": "http://recorded", "model": "davinci"},
        }
    )
    outcome = asyncio.run(Run(SelfInstruct(config), config.seed, out, recorded, Here()).finish())
    assert outcome.manifest["complete"]
    return {name: rows(out / f"{name}.jsonl") for name in outcome.manifest["files"]}


Files = dict[str, list[dict[str, Any]]]


def test_the_same_tasks_are_kept_in_the_same_order(recorded: Recorded, replayed: Files) -> None:
    assert [row["instruction"] for row in replayed["instructions"]] == [row["instruction"] for row in recorded.tasks]


def test_every_similarity_is_the_same(recorded: Recorded, replayed: Files) -> None:
    """To the last bit. Which of equally similar tasks is named depends on the sort, so scores are compared."""
    for ours, theirs in zip(replayed["instructions"], recorded.tasks, strict=True):
        assert ours["avg_similarity_score"] == theirs["avg_similarity_score"]
        assert sorted(ours["most_similar"].values()) == sorted(theirs["most_similar"].values())


def test_the_same_tasks_are_classification(recorded: Recorded, replayed: Files) -> None:
    asked = {
        row["instruction"]: row["is_classification"]
        for row in replayed["dataset"] + replayed["rejected"]
        if "is_classification" in row
    }
    assert asked == {task: label.strip().lower() == "yes" for task, label in recorded.labels.items()}


def test_the_same_examples_come_out(recorded: Recorded, replayed: Files) -> None:
    """Their order was random."""

    def told(rows: list[dict[str, Any]]) -> list[tuple[str, ...]]:
        return sorted(tuple(row[key] for key in ("instruction", "input", "output")) for row in rows)

    assert told(replayed["dataset"]) == told(recorded.instances)


def test_training_pairs_are_those_and_the_seeds(recorded: Recorded, replayed: Files) -> None:
    seeds = rows(Path(FOLDER or "", "self_instruct/seed_tasks.jsonl"))
    assert len(replayed["finetuning"]) == len(recorded.instances) + sum(len(seed["instances"]) for seed in seeds)
