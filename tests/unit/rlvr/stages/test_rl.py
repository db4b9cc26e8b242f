"""The RL stage's own part: which weights are kept, and what a run is not resumed with."""

import asyncio
from pathlib import Path

import pytest

from rlvr.journal import Journal
from rlvr.samples import Prompt, Request
from rlvr.settings.load import ConfigError
from rlvr.stages.rl import Best, refuse_changed
from verifiers import Task

TASK = Task(id="t3", prompt="1 + 1", verifier="math", reference="2")


class Publisher:
    """A learner that writes how often it has published."""

    count = 0

    async def publish(self, folder: Path) -> None:
        self.count += 1
        await asyncio.to_thread(folder.mkdir, exist_ok=True)
        await asyncio.to_thread((folder / "config.json").write_text, str(self.count))


def test_a_resumed_run_knows_the_model_that_it_began_with(tmp_path: Path) -> None:
    learner = Publisher()

    async def live(offers: list[tuple[int, float]]) -> None:
        journal = Journal(tmp_path / "journal.sqlite")
        best = Best(tmp_path, learner, journal)  # type: ignore[arg-type]
        for step, accuracy in offers:
            await best.offer(step, accuracy)
            if step:
                journal.trained(step, [])
            journal.metrics(step, {"validation/accuracy": accuracy})
        journal.close()

    asyncio.run(live([(0, 0.8), (10, 0.6)]))
    asyncio.run(live([(20, 0.65)]))
    assert learner.count == 1
    asyncio.run(live([(30, 0.85)]))
    assert learner.count == 2


def test_a_task_that_has_changed_is_named_before_anything_starts(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    journal.issued(0, [Prompt(TASK, (1,))], [Request("000000/0/0000/000", (1,), 1)])
    journal.close()
    refuse_changed([TASK], tmp_path)
    with pytest.raises(ConfigError, match=r"1 task\(s\) have changed since .* the first is t3; give what has changed"):
        refuse_changed([TASK.model_copy(update={"reference": "3"})], tmp_path)
