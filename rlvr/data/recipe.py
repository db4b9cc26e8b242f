"""What a recipe is.

A recipe says, for what is there so far, which stages the next round has, until there is nothing left to do; and which
records then make up which file. It holds no state: everything it knows is in the finished rounds' records.
"""

import difflib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import NonNegativeInt

from rlvr.config import Location, Section
from rlvr.data.catalogue import RECIPES
from rlvr.data.record import Record
from rlvr.data.stage import Stage
from rlvr.errors import UserError

if TYPE_CHECKING:
    from rlvr.data.teachers.config import Answering


class DataConfig(Section):
    """What every recipe's configuration has."""

    out: Location
    """Run directory. The same command again goes on from where it stands."""
    seed: NonNegativeInt = 0

    def teachers(self) -> "Mapping[str, Answering]":
        """Role -> teacher; none unless a recipe says so."""
        return {}


@dataclass(frozen=True)
class Load:
    """So many calls of one teacher, with so many tokens each on average."""

    teacher: str
    calls: int
    input_tokens: int
    output_tokens: int


@dataclass
class Done:
    """The finished rounds. The lists only grow."""

    rounds: int = 0
    kept: list[Record] = field(default_factory=list)
    rejected: list[Record] = field(default_factory=list)
    _last: dict[str, int] = field(default_factory=dict)

    def add(self, records: Iterable[Record]) -> None:
        """One more round."""
        for record in records:
            (self.kept if record.rejected is None else self.rejected).append(record)
            self._last[record.stage] = record.round
        self.rounds += 1

    def plus(self, records: Iterable[Record]) -> "Done":
        """As if a round of these records were finished, too."""
        more = Done(self.rounds, list(self.kept), list(self.rejected), dict(self._last))
        more.add(records)
        return more

    def last_round(self, stage: str) -> int:
        """The last round in which a record was born at that stage, and -1 when none ever was."""
        return self._last.get(stage, -1)


class Recipe(ABC):
    """One published way to make instruction data."""

    name: ClassVar[str]
    version: ClassVar[str]
    """Changed whenever the same configuration would give other data."""
    Config: ClassVar[type[DataConfig]]
    growing: ClassVar[frozenset[str]] = frozenset()
    """Settings that may be changed when a run goes on: more is then made, and what is there stays."""
    again: ClassVar[frozenset[str]] = frozenset()
    """Files that hold steps on the way, or the records of another file in another form: what is kept counts once."""

    def __init__(self, config: Any) -> None:
        self.config = config

    @abstractmethod
    def round(self, done: Done) -> Sequence[Stage]:
        """The next round's stages, the first of which starts from no records; none when the recipe is at its end."""

    @abstractmethod
    def files(self, done: Done) -> Mapping[str, Iterable[Record]]:
        """File name (without ending) -> its records. Also asked of a run that is not at its end."""

    def about(self, done: Done) -> Mapping[str, Any]:
        """What else the manifest should say."""
        return {}

    def forecast(self) -> Sequence[Load]:
        """What it will ask of its teachers, as far as the configuration and published yields tell."""
        return ()


def load(name: str) -> type[Recipe]:
    """The recipe of that name. Raises UserError."""
    if name not in RECIPES:
        near = difflib.get_close_matches(name, RECIPES, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UserError(f"no recipe {name!r}{hint} Known: {', '.join(RECIPES)}")
    module, _, found = RECIPES[name][0].partition(":")
    recipe: type[Recipe] = getattr(import_module(module), found)
    return recipe
