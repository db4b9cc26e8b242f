"""Run a recipe: round after round, stage after stage, and write down what is finished.

A run that was killed goes on from its last finished round; the answers it had in the round it was in are in the
response log, so that nothing is paid twice and the same records come out. A request that gets no answer for now (no
budget, no teacher) costs its record only: what there is becomes files, marked incomplete, and the round is done again
next time.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from rlvr.data.flow import Place, through_all
from rlvr.data.recipe import Done, Recipe
from rlvr.data.record import Call, Record
from rlvr.data.request import Reply, Request
from rlvr.data.rounds import Rounds, write_files
from rlvr.data.stage import Ask, Barrier, Each, Stage

AT_ONCE = 1024
"""Records under way in stages that ask a teacher. How many requests are in flight is the teacher's own limit."""
UNANSWERED = "unanswered"


class Unanswered(Exception):
    """This request gets no answer in this run. The message says why, in one line."""


class Asker(Protocol):
    """Whoever puts requests to teachers. Raises Unanswered."""

    async def ask(self, teacher: str, request: Request) -> tuple[Reply, Call]: ...


class Shards(Protocol):
    """Where stages of pure functions run: here, or on a cluster. The order of the records stays."""

    def map(self, place: Place, stages: Sequence[Each], records: Sequence[Record]) -> Iterator[list[Record]]: ...


class Here:
    """In this process."""

    def map(self, place: Place, stages: Sequence[Each], records: Sequence[Record]) -> Iterator[list[Record]]:
        yield through_all(place, stages, records)


@dataclass
class Outcome:
    manifest: dict[str, Any]
    unanswered: str | None
    """Why the run is not complete; None when it is."""


class Run:
    """One recipe with its configuration, its partners, and its run directory."""

    def __init__(self, recipe: Recipe, seed: int, out: Path, asker: Asker, shards: Shards) -> None:
        self.recipe, self.seed, self.out = recipe, seed, out
        self.asker, self.shards = asker, shards
        self.unanswered: str | None = None
        self.done = Done()
        """The finished rounds."""

    async def finish(self) -> Outcome:
        """Run to the recipe's end, and write the files."""
        finished = Rounds(self.out)
        done = self.done = finished.done
        try:
            while stages := self.recipe.round(done):
                records = await self._round(stages, done.rounds)
                if self.unanswered is not None:
                    done = done.plus(records)
                    break
                finished.add(records)
        finally:
            finished.close()
        complete = self.unanswered is None
        about = {"recipe": self.recipe.name, "version": self.recipe.version, "seed": self.seed, "complete": complete}
        about |= self.recipe.about(done)
        return Outcome(write_files(self.out, done, self.recipe.files(done), about), self.unanswered)

    async def _round(self, stages: Sequence[Stage], number: int) -> list[Record]:
        """The round's records: those rejected, stage by stage, then those that are left."""
        place = Place(self.recipe.name, self.recipe.version, self.seed, number)
        rejected: list[Record] = []
        records: list[Record] = []
        for segment in _segments(stages):
            found = await self._segment(place, segment, records)
            rejected += [record for record in found if record.rejected is not None]
            records = [record for record in found if record.rejected is None]
        return rejected + records

    async def _segment(self, place: Place, stages: Sequence[Stage], records: Sequence[Record]) -> list[Record]:
        match stages:
            case [Barrier() as barrier]:
                return place.seal(barrier, barrier.apply(records, place.random(barrier)))
            case _ if pure := _pure(stages):
                return [record for shard in self.shards.map(place, pure, records) for record in shard]
            case _:
                return await self._flows(place, stages, records)

    async def _flows(self, place: Place, stages: Sequence[Stage], records: Sequence[Record]) -> list[Record]:
        """Records pass the stages side by side, and come out in the order in which they went in."""
        found: list[Record] = []
        under_way: deque[asyncio.Task[list[Record]]] = deque()
        try:
            for record in records:
                if len(under_way) == AT_ONCE:
                    found += await under_way.popleft()
                under_way.append(asyncio.create_task(self._flow(place, stages, record)))
            while under_way:
                found += await under_way.popleft()
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
        return found

    async def _flow(self, place: Place, stages: Sequence[Stage], record: Record) -> list[Record]:
        if not stages or record.rejected is not None:
            return [record]
        stage, *rest = stages
        assert not isinstance(stage, Barrier), "barriers are segments of their own"
        if isinstance(stage, Each):
            children = place.results(stage, record, stage.apply(record, place.random(stage, record.id)))
        else:
            try:
                children = place.results(stage, record, await self._asked(place, stage, record))
            except Unanswered as error:
                self.unanswered = str(error)
                return [record.check(UNANSWERED, False, str(error))]
        ends = await asyncio.gather(*(self._flow(place, rest, child) for child in children))
        return [end for branch in ends for end in branch]

    async def _asked(self, place: Place, stage: Ask, record: Record) -> list[Record]:
        """What the stage makes of the replies, refusals apart; each record that comes out names the calls."""
        requests = stage.render(record, place.random(stage, record.id, "render"))
        answers = await asyncio.gather(*(self.asker.ask(stage.teacher, request) for request in requests))
        replies, calls = [reply for reply, _ in answers], tuple(call for _, call in answers)
        if refusal := next((reply for reply in replies if reply.refused), None):
            found: Iterable[Record] = [record.check("refused", False, refusal.text)]
        else:
            found = stage.parse(record, replies, place.random(stage, record.id, "parse"))
        return [replace(child, calls=child.calls + calls) for child in found]


def _segments(stages: Sequence[Stage]) -> Iterator[Sequence[Stage]]:
    """Barriers alone, what stands between two of them together."""
    for is_barrier, group in groupby(stages, lambda stage: isinstance(stage, Barrier)):
        together = list(group)
        yield from ([stage] for stage in together) if is_barrier else [together]


def _pure(stages: Sequence[Stage]) -> list[Each]:
    """The stages, if none of them asks."""
    pure = [stage for stage in stages if isinstance(stage, Each)]
    return pure if len(pure) == len(stages) else []
