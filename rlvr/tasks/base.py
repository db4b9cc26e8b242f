"""The nouns of task sources: an example (a task and its gold response), a source, a published data set.

A source yields examples one by one and raises SourceError at the first row that is not as it should be. It does not
judge: `check.py` does.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from rlvr.tasks import rows
from rlvr.tasks.rows import SourceError as SourceError
from verifiers.base import Task

ALL = "all"
"""The split that means every split."""


@dataclass(frozen=True, slots=True)
class Example:
    """A task, and what is known of right answers to it."""

    task: Task
    gold: str | None = None
    """A response that must be judged correct; None where the data set has none."""
    where: str = ""
    """File and row, for messages."""
    question: str | None = None
    """The data set's own words, where the task's prompt adds some of ours."""
    worked: str | None = None
    """The data set's own solution, where it says more than `gold`."""


class Source(Protocol):
    """Anything that `sources.register` takes."""

    @property
    def name(self) -> str: ...

    @property
    def about(self) -> str:
        """One line for `rlvr tasks list`."""
        ...

    def examples(self, where: str, split: str | None) -> Iterator[Example]:
        """`where` is what follows `NAME:` in a source's string; `split` may be `all`. Raises SourceError."""
        ...


class Row(BaseModel):
    """The columns that a data set must have; others are let through."""

    model_config = ConfigDict(extra="ignore", frozen=True)


R = TypeVar("R", bound=Row)


def user(text: str) -> list[dict[str, Any]]:
    """A prompt of one user message."""
    return [{"role": "user", "content": text}]


def parse(model: type[R], values: Mapping[str, Any], where: str) -> R:
    """The row with its columns checked. Raises SourceError: what was expected, what came."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        found = min(error.errors(include_url=False), key=lambda problem: problem["type"] != "missing")
        column = ".".join(str(part) for part in found["loc"])
        if found["type"] == "missing" and len(found["loc"]) == 1:
            wanted = [name for name, info in model.model_fields.items() if info.is_required()]
            problem = f"no column {column!r}; expected {', '.join(wanted)}; got {', '.join(values) or 'none'}"
        else:
            said = str(found["ctx"]["error"]) if found["type"] == "value_error" else found["msg"]
            said = said.replace("Input should be", "expected")
            problem = f"{f'column {column}: ' if column else ''}{said}; got {rows.short(found['input'])}"
        raise SourceError(f"{where}: {problem}") from None


@dataclass(frozen=True, slots=True)
class Hub:
    """Where a data set lives on the Hugging Face hub."""

    path: str
    config: str | None = None
    splits: tuple[str, ...] = ("train",)


@dataclass(frozen=True)
class DataSet:
    """A published data set: where it is, which columns it has, how a row becomes an example."""

    name: str
    about: str
    hub: Hub
    row: type[Row]
    build: Callable[[Any, str], Example]
    """`(row, label) -> Example`; the label is `SPLIT/N`, stable for one file, for rows without an id of their own."""
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Split -> names of its file in a folder, as patterns, the best first; `SPLIT.*` and the like go without saying."""
    whole: tuple[str, ...] = ()
    """Names of a file with every split in it."""
    split_of: Callable[[Any], str] | None = None
    """The split that a row of such a file belongs to."""

    def examples(self, where: str, split: str | None = None) -> Iterator[Example]:
        """From the hub when `where` is empty, else from that file or folder. Raises SourceError.

        Without a split: all of a file; of a folder or the hub the data set's first split (usually `train`).
        """
        if not where:
            yield from self._from_hub(split)
            return
        path = Path(where).expanduser()
        if not path.exists():
            raise SourceError(f"{path}: cannot be read: No such file or directory")
        numbers: Counter[str] = Counter()
        for part, file, only in self._find(path, split) if path.is_dir() else [(_stem(path), path, split)]:
            for values, place in self._from_file(file, None if only == ALL else only):
                numbers[part] += 1
                yield self._example(values, f"{part}/{numbers[part]}", place)

    def _from_hub(self, split: str | None) -> Iterator[Example]:
        wanted = self.hub.splits if split == ALL else (split or self.hub.splits[0],)
        for part in wanted:
            for number, values in rows.from_hub(self.hub.path, self.hub.config, part, f"{self.name}:PATH"):
                yield self._example(values, f"{part}/{number}", f"{self.hub.path} {part}: row {number}")

    def _from_file(self, path: Path, split: str | None) -> Iterator[tuple[Mapping[str, Any], str]]:
        if split and not self.split_of:
            raise SourceError(f"{path}: {self.name} cannot split one file; name the file of {split!r}, or its folder")
        for number, values in rows.from_file(path):
            where = f"{path}: row {number}"
            if not (split and self.split_of) or self.split_of(parse(self.row, values, where)) == split:
                yield values, where

    def _example(self, values: Mapping[str, Any], label: str, where: str) -> Example:
        return replace(self.build(parse(self.row, values, where), label), where=where)

    def _find(self, folder: Path, split: str | None) -> list[tuple[str, Path, str | None]]:
        """`(label, file, split to pick out of it)`: files named after the split, or one that holds every split."""
        data = sorted(path for path in folder.iterdir() if rows.is_data(path))
        wanted = list(self.hub.splits) if split == ALL else [split or self.hub.splits[0]]
        found: list[tuple[str, Path, str | None]] = []
        for part in wanted:
            patterns = self.files.get(part, (f"{part}.*", f"{part}-*", f"*{part}*"))
            found += [(part, path, None) for path in _first(data, patterns)]
        if found:
            return found
        whole = _first(data, self.whole) or (data if len(data) == 1 and split in (None, ALL) else [])
        if not whole:
            names = ", ".join(path.name for path in data) or "no data file"
            raise SourceError(
                f"{folder}: no file of {self.name}'s split {' or '.join(map(repr, wanted))}; it has {names}"
            )
        return [(_stem(path), path, split) for path in whole]


def _first(files: list[Path], patterns: tuple[str, ...]) -> list[Path]:
    """The files that match the first pattern that any file matches."""
    return next((hits for pattern in patterns if (hits := [f for f in files if f.match(pattern)])), [])


def _stem(path: Path) -> str:
    """`train-00000-of-00001.parquet` -> `train`."""
    return re.sub(r"-\d+-of-\d+", "", path.name.partition(".")[0])
