"""Groups on their way: asked for, sampled, judged, and cut into the batches that are trained on.

Groups accepted and groups running never exceed what `max_lag` versions ahead of the engine's weights allow, and the age
of every token is checked once more when a batch is cut. Responses are judged as their groups complete; a long one holds
up nobody else. At `max_lag` 0 what is asked, and what is sampled beside what, is a function of the seed and of the
responses themselves, never of timing.
"""

import asyncio
import hashlib
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import TracebackType
from typing import Any, Self

from rlvr.config import RL
from rlvr.curriculum import Curriculum
from rlvr.guards.controls import rewards
from rlvr.learner import advantage
from rlvr.partners import Engine, Grader, Journal
from rlvr.rewards import shaped
from rlvr.samples import Asked, Group, Judged, Prompt, Request


@dataclass(frozen=True, slots=True)
class Batch:
    """What a step trains on, and the finished groups that it leaves out for good."""

    groups: list[Group]
    """In the order in which they were asked for, those that teach nothing included."""
    stale: list[Group]
    """Finished too late: with tokens more than `max_lag` versions old."""

    def dropped(self, estimator: str) -> dict[str, list[str]]:
        """Ids that will not be trained on, by reason."""
        judged = [(advantage.trainable(group, estimator), j) for group in self.groups for j in group.judged]
        return {
            "no_signal": [j.rollout.id for trainable, j in judged if not trainable],
            "error": [j.rollout.id for trainable, j in judged if trainable and j.reward is None],
            "stale": [j.rollout.id for group in self.stale for j in group.judged],
        }


class Collector:
    """Every group of a run that is not trained on yet. Use it in `async with`: leaving it ends what is under way."""

    def __init__(
        self, config: RL, prompts: Sequence[Prompt], engine: Engine, grader: Grader, journal: Journal, step: int
    ) -> None:
        """`step`: how often has been trained, and the version of the engine's weights."""
        self.config, self.engine, self.grader, self.journal = config, engine, grader, journal
        self.curriculum = Curriculum(config, prompts, journal.solved(config.reward_scale))
        self.issued = sum(journal.counts().values()) // config.group_size
        self.version = self.cut = step
        self.running: dict[str, Asked] = {}
        self.ready: list[Group] = []
        """Judged, and counted towards a batch."""
        self.replaced: list[Group] = []
        """Judged, and others are asked for in their place, because they teach nothing."""
        self.stale: list[Group] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._start(self.journal.unfinished())
        self._admit()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def batch(self) -> Batch:
        """The next step's batch, once there are enough groups. Raises what ended the sampling or the judging."""
        while not self._enough():
            if self._failure:  # perhaps of long ago, while the learner was at work
                raise self._failure
            self._admit()
            self._changed.clear()
            await self._changed.wait()
        # The oldest first: they would be the next to be too old.
        self.ready.sort(key=lambda group: (group.oldest, group.id))
        size = self.config.prompts_per_step
        chosen, self.ready = self.ready[:size], self.ready[size:]
        batch = Batch(sorted(chosen + self.replaced, key=lambda group: group.id), self.stale)
        self.replaced, self.stale = [], []
        self.cut += 1
        self.curriculum.note(batch.groups + batch.stale)
        return batch

    def loaded(self, version: int) -> None:
        """The engine has new weights: there is room for more."""
        self.version = version
        self._admit()

    def _enough(self) -> bool:
        """Whether a batch can be cut, once what has become too old is set aside."""
        allowed = self.cut - self.config.max_lag
        self.stale += [group for group in self.ready if group.oldest < allowed]
        self.ready = [group for group in self.ready if group.oldest >= allowed]
        return len(self.ready) >= self.config.prompts_per_step

    def _admit(self) -> None:
        """Ask for as many groups as there is room for: accepted + running <= (max_lag + version + 1) batches."""
        if self.running and self.config.max_lag == 0:
            return  # in whole waves, so that timing does not decide what is sampled beside what
        batches = min(self.version + self.config.max_lag + 1, self.config.steps) - self.cut
        room = batches * self.config.prompts_per_step - len(self.ready) - len(self.running)
        if room > 0:
            self._start(self._ask(room))

    def _ask(self, count: int) -> list[Asked]:
        """New groups, journaled as issued."""
        config, size = self.config, self.config.prompts_per_step
        asked = []
        for number in range(self.issued, self.issued + count):
            name = f"{number // size:06}/0/{number % size:04}"
            prompt = self.curriculum.pick(number)
            ids = [f"{name}/{sample:03}" for sample in range(config.group_size)]
            asked.append(Asked(name, prompt, [Request(id, prompt.ids, seed_of(config.seed, id)) for id in ids]))
        for batch, groups in groupby(asked, key=lambda group: int(group.id[:6])):
            pairs = [(group.prompt, request) for group in groups for request in group.requests]
            self.journal.issued(batch, [prompt for prompt, _ in pairs], [request for _, request in pairs])
        self.issued += count
        return asked

    def _start(self, groups: Sequence[Asked]) -> None:
        if groups:
            self.running |= {group.id: group for group in groups}
            self._spawn(self._sample(groups))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception():
            self._failure = task.exception()
            self._changed.set()

    async def _sample(self, groups: Sequence[Asked]) -> None:
        """Sample what is missing of these groups, and have each judged once it is whole."""
        for group in groups:
            self._judge_if_whole(group)
        missing = [r for group in groups for r in group.requests if r.id not in group.rollouts]
        if not missing:
            return
        async for rollout in self.engine.sample(missing, self.config.sampling):
            self.journal.generated([rollout])
            group = self.running[rollout.id.rpartition("/")[0]]
            group.rollouts[rollout.id] = rollout
            self._judge_if_whole(group)

    def _judge_if_whole(self, group: Asked) -> None:
        if len(group.rollouts) == len(group.requests):
            self._spawn(self._judge(group))

    async def _judge(self, group: Asked) -> None:
        if not group.judged:
            task, rollouts = group.prompt.task, [group.rollouts[request.id] for request in group.requests]
            verdicts = await self.grader.grade_many([rollout.item(task) for rollout in rollouts])
            seed = seed_of(self.config.seed, f"control/{group.id}")
            known = [shaped(v.score, rollout, self.config) for v, rollout in zip(verdicts, rollouts, strict=True)]
            judged = list(map(Judged, rollouts, verdicts, rewards(self.config.control, known, seed)))
            self.journal.judged(judged)
            group.judged = {j.rollout.id: j for j in judged}
        self._finish(group)

    def _finish(self, asked: Asked) -> None:
        group = self.running.pop(asked.id).group()
        room = self.config.refill * self.config.prompts_per_step - len(self.replaced)
        teaches = advantage.trainable(group, self.config.objective.advantage)
        (self.replaced if room > 0 and not teaches else self.ready).append(group)
        self._changed.set()
        self._admit()


def seed_of(seed: int, name: str) -> int:
    """63 bits that belong to this name in this run."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()) >> 1
