"""A record of instruction data, with all that is known of how it came to be. Rejected ones stay, with their reason.

What is in `content` is the recipe's own matter on the way, and at the end has the keys that training reads: `messages`;
`prompt`, `chosen`, `rejected`; or `prompt`, `reference`, `verifier`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from rlvr.data.canonical import digest
from rlvr.data.request import Usage


@dataclass(frozen=True, slots=True)
class Check:
    """What a filter found."""

    filter: str
    kept: bool
    value: Any = None
    threshold: Any = None


@dataclass(frozen=True, slots=True)
class Call:
    """A teacher call that a record owes something to. Records out of one answer share it: sum usage by `key`."""

    key: str
    """The request's name in the response log."""
    teacher: str
    model: str
    sampling: Mapping[str, Any]
    finish_reason: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class Record:
    """Immutable: each method gives a new one. `id` names a record from its birth on, whatever stages add to it."""

    content: dict[str, Any]
    id: str = ""
    """Digest of lineage and content, given when the stage that made the record ends."""
    recipe: str = ""
    version: str = ""
    stage: str = ""
    """Where it was born."""
    round: int = 0
    parents: tuple[str, ...] = ()
    operation: str = ""
    source: str = ""
    licence: str = ""
    calls: tuple[Call, ...] = ()
    checks: tuple[Check, ...] = ()
    rejected: str | None = None
    """The filter that took it out."""

    def __getitem__(self, key: str) -> Any:
        return self.content[key]

    @property
    def sample(self) -> int:
        """For a request that is to be sampled anew for each record, also where others ask the very same."""
        return int(self.id[:12], 16)

    def child(self, operation: str = "", parents: Iterable[str] | None = None, **content: Any) -> "Record":
        """A new record that this one leads to; source and licence are handed down, and teacher calls with them."""
        return Record(
            content,
            parents=(self.id,) if parents is None else tuple(parents),
            operation=operation,
            source=self.source,
            licence=self.licence,
            calls=self.calls,
        )

    def update(self, **content: Any) -> "Record":
        """The same record with more, or other, content."""
        return replace(self, content=self.content | content)

    def check(self, filter: str, kept: bool, value: Any = None, threshold: Any = None) -> "Record":
        """The same record with what a filter found; rejected if it is not kept, for the first such reason."""
        found = (*self.checks, Check(filter, kept, value, threshold))
        return replace(self, checks=found, rejected=self.rejected if kept or self.rejected else filter)

    def row(self) -> dict[str, Any]:
        """As it is written: id, content, and all else below `meta`."""
        meta = {name: getattr(self, name) for name in META}
        meta["calls"] = [asdict(call) for call in self.calls]
        meta["checks"] = [asdict(check) for check in self.checks]
        return {"id": self.id, **self.content, "meta": meta}

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """What `row` wrote."""
        content = dict(row)
        meta = dict(content.pop("meta"))
        calls = tuple(Call(**{**call, "usage": Usage(**call["usage"])}) for call in meta.pop("calls"))
        checks = tuple(Check(**check) for check in meta.pop("checks"))
        parents = tuple(meta.pop("parents"))
        return cls(id=content.pop("id"), content=content, parents=parents, calls=calls, checks=checks, **meta)


META = [one.name for one in fields(Record) if one.name not in ("id", "content")]


@dataclass(frozen=True, slots=True)
class Birth:
    """What all records born at one place have in common."""

    recipe: str
    version: str
    stage: str
    round: int

    def seal(self, records: Iterable[Record], parent: str = "") -> list[Record]:
        """Records with their ids: those that have none were born here. `parent` is the record they came out of."""
        return [self._sealed(record, parent, index) for index, record in enumerate(records)]

    def _sealed(self, record: Record, parent: str, index: int) -> Record:
        if record.id:
            return record
        name = digest(self.recipe, self.version, self.stage, self.round, parent, record.parents, index, record.content)
        return replace(record, id=name, recipe=self.recipe, version=self.version, stage=self.stage, round=self.round)
