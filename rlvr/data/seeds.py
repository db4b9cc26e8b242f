"""Seed tasks out of a user's file: what recipes start from that write new tasks."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlvr.data.canonical import digest
from rlvr.errors import UserError
from rlvr.tasks.rows import from_file, short


@dataclass(frozen=True, slots=True)
class Instance:
    """An example of a task. The input is empty where the task needs none."""

    input: str
    output: str


@dataclass(frozen=True, slots=True)
class Seed:
    id: str
    instruction: str
    instances: tuple[Instance, ...] = ()
    is_classification: bool = False


def read_seeds(path: Path) -> list[Seed]:
    """Rows `{instruction, instances: [{input, output}], is_classification?, id?}`, or `{instruction, input?, output?}`.

    JSONL, JSON or Parquet. Raises UserError for a row of another shape, and for an id that comes twice.
    """
    seeds = [_seed(f"{path}: row {number}", row) for number, row in from_file(path)]
    if len({seed.id for seed in seeds}) < len(seeds):
        taken = next(seed.id for seed in seeds if sum(other.id == seed.id for other in seeds) > 1)
        raise UserError(f"{path}: two seeds are {taken!r}; ids and instructions must differ")
    return seeds


def _seed(where: str, row: Mapping[str, Any]) -> Seed:
    instruction = row.get("instruction")
    if not isinstance(instruction, str) or not instruction.strip():
        raise UserError(f"{where}: expected a text `instruction`, got {short(instruction)}")
    worked = row.get("instances")
    if worked is None:
        worked = [row] if "output" in row else []
    if not isinstance(worked, list) or not all(isinstance(one, Mapping) for one in worked):
        raise UserError(f"{where}: expected `instances` to be a list of {{input, output}}, got {short(worked)}")
    instances = tuple(Instance(_text(where, one, "input"), _text(where, one, "output")) for one in worked)
    name = str(row.get("id") or digest(instruction, _text(where, row, "input")))
    return Seed(name, instruction, instances, bool(row.get("is_classification", False)))


def _text(where: str, row: Mapping[str, Any], key: str) -> str:
    value = row.get(key) or ""
    if not isinstance(value, str):
        raise UserError(f"{where}: expected a text `{key}`, got {short(value)}")
    return value
