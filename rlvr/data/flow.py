"""Take one record through stages that look at one record at a time. Where and in what order changes nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

from rlvr.data.canonical import stream
from rlvr.data.record import Birth, Record
from rlvr.data.stage import Each, Stage


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a run we are: what random streams and the ids of new records depend on, besides the record itself."""

    recipe: str
    version: str
    seed: int
    round: int

    def random(self, stage: Stage, *parts: str) -> Random:
        return stream(self.recipe, self.seed, self.round, stage.name, *parts)

    def seal(self, stage: Stage, records: Iterable[Record], parent: str = "") -> list[Record]:
        return Birth(self.recipe, self.version, stage.name, self.round).seal(records, parent)

    def results(self, stage: Stage, record: Record, found: Iterable[Record]) -> list[Record]:
        """What came of a record; if nothing did, the record itself, rejected, so that no count goes unexplained."""
        return self.seal(stage, found, record.id) or [record.check(f"{stage.name}: nothing came of it", False)]


def through(place: Place, stages: Sequence[Each], record: Record) -> list[Record]:
    """The records that come of one, in order, those rejected on the way included."""
    if not stages or record.rejected is not None:
        return [record]
    stage, *rest = stages
    found = stage.apply(record, place.random(stage, record.id))
    return [end for child in place.results(stage, record, found) for end in through(place, rest, child)]


def through_all(place: Place, stages: Sequence[Each], records: Iterable[Record]) -> list[Record]:
    return [end for record in records for end in through(place, stages, record)]
