"""Teachers as Ray actors, and pure stages as Ray tasks over shards of records. The same bytes come out as without Ray.

Pace, budget and log stay with the driver, where they are one; so do barriers.
"""

import asyncio
import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import ray
from ray.exceptions import RayActorError

from rlvr.data.flow import Place, through_all
from rlvr.data.record import Record
from rlvr.data.request import Reply, Request
from rlvr.data.stage import Each
from rlvr.data.teachers.base import Again
from rlvr.data.teachers.config import Answering, OpenAITeacher, VLLMTeacher
from rlvr.data.teachers.open import open_teacher

SHARD = 2000
"""Records a task."""
SHARE = 0.1
"""Logical CPUs that an actor reserves: it waits for its model most of the time."""

CLOSE_S = 10.0
"""An actor that has not closed its teacher by then is killed all the same."""


class TeacherActor:
    """Owns a teacher."""

    def __init__(self, role: str, config: Answering, environment: dict[str, str]) -> None:
        os.environ.update(environment)
        self.teacher = open_teacher(role, config)

    async def ask(self, request: Request, seed: int) -> Reply:
        return await self.teacher.ask(request, seed)

    async def close(self) -> None:
        await self.teacher.close()


class Actors:
    """The teacher protocol, spoken to several actors; each request goes to the one with least to do."""

    def __init__(self, role: str, config: Answering) -> None:
        key = config.key_env if isinstance(config, OpenAITeacher) else None
        environment = {key: os.environ[key]} if key and key in os.environ else {}
        options: dict[str, Any] = {"num_cpus": SHARE, "max_restarts": -1, "max_concurrency": config.limits.concurrency}
        if isinstance(config, VLLMTeacher):
            options["num_gpus"] = config.gpus
        start = ray.remote(**options)(TeacherActor).remote
        self.load = {start(role, config, environment): 0 for _ in range(config.actors)}

    async def ask(self, request: Request, seed: int) -> Reply:
        actor = min(self.load, key=self.load.__getitem__)
        self.load[actor] += 1
        asked = actor.ask.remote(request, seed)
        try:
            reply: Reply = await asked
            return reply
        except asyncio.CancelledError:  # out of time: the actor is not to wait on, nor to keep the place
            ray.cancel(asked)
            raise
        except RayActorError as error:
            raise Again(f"a teacher's actor died ({' '.join(str(error).split())[:120]})", lost=True) from None
        finally:
            self.load[actor] -= 1

    async def close(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await asyncio.gather(*(actor.close.remote() for actor in self.load), return_exceptions=True)
        for actor in self.load:
            ray.kill(actor)


class RayShards:
    """As many tasks under way as the cluster has CPUs, and their results in order."""

    def map(self, place: Place, stages: Sequence[Each], records: Sequence[Record]) -> Iterator[list[Record]]:
        task = ray.remote(num_cpus=1)(through_all)
        place, stages = ray.put(place), ray.put(list(stages))
        at_once = max(1, int(ray.cluster_resources().get("CPU", 1)))
        under_way: deque[Any] = deque()
        for start in range(0, len(records), SHARD):
            if len(under_way) == at_once:
                yield ray.get(under_way.popleft())
            under_way.append(task.remote(place, stages, records[start : start + SHARD]))
        while under_way:
            yield ray.get(under_way.popleft())
