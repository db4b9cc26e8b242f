"""What `rlvr rescore` left in a run: summaries, and the rollouts whose reward would be another."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from rlvr.view.run import NoRun, read_run

FOLDER = "rescores"
PAGE = 100
"""Flips on a page."""


class StepFlips(BaseModel):
    """One step that trained on the rollouts."""

    model_config = ConfigDict(frozen=True)

    step: int
    trained: int
    """Rollouts in its batch that were judged again."""
    flips: int


class Change(BaseModel):
    """How often a verdict of one status became one of another."""

    model_config = ConfigDict(frozen=True)

    verifier: str
    """As `name version`, then and now."""
    now: str
    before: str
    after: str
    count: int


class Summary(BaseModel):
    """`NAME.json`."""

    model_config = ConfigDict(frozen=True)

    judged: int
    """Rollouts judged again."""
    flips: int
    """Of these, how many have another score now."""
    trained_flips: int
    """Of these, how many a step has trained on."""
    groups: int
    """Groups with a flip: the advantages of all their rollouts would be others."""
    errors: int
    """Could not be judged now; they are counted in no other figure."""
    changes: list[Change]
    steps: list[StepFlips]
    """Steps with a flip, ascending."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Rescore:
    name: str
    path: Path
    """Its summary; the flips are beside it, one a line."""
    summary: Summary

    def flips(self, page: int) -> list[dict[str, Any]]:
        """The page's rows, counted from 1: `{id, task, step, advantage, before, after}`."""
        return list(islice(self._rows(), (page - 1) * PAGE, page * PAGE))

    def _rows(self) -> Iterator[dict[str, Any]]:
        with self.path.with_suffix(".jsonl").open(encoding="utf-8") as file:
            yield from map(json.loads, file)


def folder_of(run: Path) -> Path:
    """Beside the journal. Raises NoRun when the run has none."""
    journal = read_run(run).journal
    if journal is None:
        raise NoRun(f"{run}: no rollouts to judge again: expected journal.sqlite of an RL stage in it or below")
    return journal.parent / FOLDER


def rescores(run: Path) -> list[Rescore]:
    """Newest last; what is half written is left out."""
    try:
        files = sorted(folder_of(run).glob("*.json"), key=lambda file: file.stat().st_mtime)
    except NoRun:
        return []
    found = []
    for file in files:
        try:
            found.append(Rescore(file.stem, file, Summary.model_validate_json(file.read_text(encoding="utf-8"))))
        except (OSError, ValidationError):
            continue
    return found
