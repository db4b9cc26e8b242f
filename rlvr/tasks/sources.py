"""Task sources by name, and tasks out of them, checked row by row before anything is returned.

A source is written `NAME`, `NAME:PATH`, `NAME@SPLIT` or `NAME@SPLIT:PATH`: `gsm8k`, `gsm8k@test:/data/gsm8k`,
`hub:ORG/NAME`. A plain path is a file of tasks.
"""

import difflib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from rlvr.tasks.base import ALL, DataSet, Example, Source
from rlvr.tasks.files import TaskFile, TaskHub
from rlvr.tasks.gsm8k import GSM8K
from rlvr.tasks.humaneval import HUMANEVAL
from rlvr.tasks.ifeval import IFEVAL
from rlvr.tasks.math import MATH, MATH_500
from rlvr.tasks.mbpp import MBPP, MBPP_SANITIZED
from rlvr.tasks.rows import KINDS, SourceError
from rlvr.tasks.tulu3 import TULU3
from verifiers import Grader, Task, VerifierError

FILE = TaskFile()

SOURCES: dict[str, Source] = {
    source.name: source for source in (GSM8K, MATH, MATH_500, MBPP, MBPP_SANITIZED, HUMANEVAL, IFEVAL, TULU3, TaskHub())
}


def register(source: Source) -> None:
    """Make `source.name` known to `load_tasks`. Raises ValueError when the name is taken."""
    if SOURCES.setdefault(source.name, source) is not source:
        raise ValueError(f"task source {source.name!r} is registered already")


def load_tasks(source: str, split: str | None = None, limit: int | None = None) -> list[Task]:
    """The tasks of a source, at most `limit`. Raises SourceError (one line) if any of them is not as it should be."""
    return [example.task for example in load_examples(source, split, limit)]


def load_examples(source: str, split: str | None = None, limit: int | None = None) -> list[Example]:
    """As `load_tasks`, with the gold responses. The split `all` gives way to one that the source's name says."""
    found, where, named = resolve(source)
    if split not in (None, ALL, named) and named:
        raise SourceError(f"{source}: it names the split {named!r}, and {split!r} is asked for")
    examples = list(islice(_checked(found.examples(where, named or split)), limit))
    if not examples:
        raise SourceError(f"{source}: no tasks" + (f" in split {named or split!r}" if named or split else ""))
    return examples


def resolve(source: str) -> tuple[Source, str, str | None]:
    """The source, what follows its name, and the split. Raises SourceError for a name that nobody registered."""
    head, _, where = source.partition(":")
    name, at, split = head.partition("@")
    if name in SOURCES and (split or not at):
        if name == "hub" and not where:
            raise SourceError("hub: expected hub:ORG/NAME")
        return SOURCES[name], where, split or None
    if Path(source).suffix in (*KINDS, ".gz") or Path(source).expanduser().exists():
        return FILE, source, None
    near = difflib.get_close_matches(name, SOURCES, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise SourceError(
        f"no task source {source!r}{hint} Known: {', '.join(sorted(SOURCES))}, or the PATH of a JSONL file"
    )


def alike(one: str, other: str) -> bool:
    """Whether two sources are the same tasks, however they are written: a copy of a data set's split is that split."""
    return one == other or bool(_meant(one) & _meant(other))


def _meant(source: str) -> set[tuple[str, ...]]:
    """A file by its path, a data set by its splits; nothing of a name that nobody registered."""
    try:
        found, where, split = resolve(source)
    except SourceError:
        return set()
    path = Path(where).expanduser()
    if found is FILE or (isinstance(found, DataSet) and not split and path.suffix in (*KINDS, ".gz")):
        return {(str(path.resolve()),)}
    if isinstance(found, DataSet):
        return {(found.name, one) for one in (found.hub.splits if split == ALL else [split or found.hub.splits[0]])}
    return {(found.name, where, split or "")}


def _checked(examples: Iterator[Example]) -> Iterator[Example]:
    grader = Grader()
    seen: dict[str, str] = {}
    for example in examples:
        task = example.task
        if task.id in seen:
            raise SourceError(f"{example.where}: id {task.id!r} is taken by {seen[task.id]}; ids must differ")
        seen[task.id] = example.where
        try:
            grader.check(task.verifier, task.reference, task.params)
        except (LookupError, ValueError, VerifierError) as error:
            raise SourceError(f"{example.where}: {error.args[0]}") from None
        yield example
