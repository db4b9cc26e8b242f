"""What a run has left on disk, as far as it has come: summary, stages, metrics, configurations.

Every part may be missing, half written or damaged: what can be read is there, and `problems` names the rest. The
journal is read in `history.py`.
"""

import json
import math
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

ORDER = ("sft", "dpo", "reward_model", "rl", "evaluate")
"""How the stages of a pipeline follow each other."""

SIGNS = ("metrics.jsonl", "journal.sqlite")
"""Files that make a folder the run of one stage."""

LARGEST = 1e300
"""Numbers beyond are no measurements, and sums of them may be infinite."""
LAST_STEP = 2.0**53
"""Floats tell no steps apart beyond."""

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Seconds = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Row = dict[str, float]


class NoRun(Exception):
    """The folder is no run. The message says what was looked for."""


class Score(BaseModel):
    """Held-out accuracy after one stage, as fractions."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    accuracy: Share
    families: dict[str, Share] = {}
    tasks: Annotated[int, Field(gt=0)] | None = None
    """How many were judged."""
    interval: tuple[Share, Share] | None = None
    """95%, over the tasks whose verdicts are no errors."""


class Summary(BaseModel):
    """`summary.json` of a pipeline or of an evaluation; keys that are not known here are let through."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    stages: dict[str, Score] = Field(default={}, validation_alias=AliasChoices("stages", "models"))
    seconds: Seconds | None = None
    seed: int | None = None
    control: str = "none"
    stage_seconds: dict[str, Seconds] = {}


@dataclass(frozen=True, slots=True)
class StageRun:
    """The run directory of one stage."""

    name: str
    """Its folder in a pipeline; the stage's kind when it stands alone."""
    kind: str
    """`sft`, `dpo`, `reward_model`, `rl`, ... as its configuration says."""
    folder: Path
    metrics: list[Row]
    """One row a step, ascending; numbers up to LARGEST only."""
    config: str
    """Text of `config.toml`, empty without one."""

    @property
    def settings(self) -> dict[str, Any]:
        """`config`, parsed; empty where that is no TOML."""
        return _toml(self.config)


@dataclass(frozen=True, slots=True)
class Run:
    path: Path
    summary: Summary
    config: dict[str, Any]
    """Parsed `config.toml` of the run itself, empty without one."""
    config_text: str
    stages: list[StageRun]
    tasks: int | None = None
    """How many held-out tasks each stage was judged on; None when that is not known, or differs."""
    intervals: dict[str, tuple[Share, Share]] = field(default_factory=dict)
    """Of the stages' accuracies, where the evaluation gave them."""
    problems: list[str] = field(default_factory=list)

    def stage(self, kind: str) -> StageRun | None:
        return next((stage for stage in self.stages if stage.kind == kind), None)

    @property
    def journal(self) -> Path | None:
        """The journal of its RL stage."""
        files = [stage.folder / "journal.sqlite" for stage in self.stages]
        return next((file for file in files if sure(file.is_file)), None)

    @property
    def control(self) -> str:
        """What rewards the run was given: `none` for those of the verifiers."""
        if self.summary.control != "none":
            return self.summary.control
        rl = self.stage("rl")
        return str((rl.settings if rl else {}).get("control", "none"))


def sure(ask: Callable[[], bool]) -> bool:
    """The answer of `path.is_file` and its like; no where it is not ours to know."""
    try:
        return ask()
    except OSError:
        return False


def folders(path: Path) -> list[Path]:
    """Those inside, by name; none when it is no folder, or not ours to read."""
    try:
        with os.scandir(path) as inside:
            return sorted(Path(entry.path) for entry in inside if sure(entry.is_dir))
    except OSError:
        return []


def is_run(path: Path) -> bool:
    """Is this folder the run of a stage, or of a pipeline, and not one that holds runs?"""
    if any(sure((path / sign).is_file) for sign in (*SIGNS, "summary.json")):
        return True
    return sure((path / "config.toml").is_file) and bool(_stage_folders(path))


def read_run(path: Path) -> Run:
    """A pipeline's run or a single stage's. Raises NoRun."""
    stage_folders = _stage_folders(path)
    if not stage_folders and not sure((path / "summary.json").is_file):
        raise NoRun(
            f"{path}: no run: expected summary.json, {' or '.join(SIGNS)} in it or in a folder below; "
            "give a run directory, such as runs/demo"
        )
    problems: list[str] = []
    text = _text(path / "config.toml", problems)
    stages = [_stage(folder, path, problems) for folder in stage_folders]
    summary = _summary(path / "summary.json", problems)
    judged = summary if any(score.tasks for score in summary.stages.values()) else _evaluation(path)
    counts = {score.tasks for score in judged.stages.values()}
    tasks = counts.pop() if len(counts) == 1 else None
    intervals = {name: score.interval for name, score in judged.stages.items() if score.interval}
    return Run(path, summary, _toml(text), text, stages, tasks, intervals, problems)


def _evaluation(path: Path) -> Summary:
    """The pipeline's own last stage, which knows how many tasks it judged, and how sure its figures are."""
    return _summary(path / "evaluate" / "summary.json", [])


def _stage_folders(path: Path) -> list[Path]:
    if any(sure((path / sign).is_file) for sign in SIGNS):
        return [path]
    below = [
        folder
        for folder in folders(path)
        if any(sure((folder / sign).is_file) for sign in SIGNS)
        or (folder.name in ORDER and sure((folder / "config.toml").is_file))
    ]
    return sorted(below, key=lambda folder: ORDER.index(folder.name) if folder.name in ORDER else len(ORDER))


def _stage(folder: Path, run: Path, problems: list[str]) -> StageRun:
    config = _text(folder / "config.toml", problems)
    metrics = _metrics(folder / "metrics.jsonl", problems)
    alone = folder == run
    said = str(_toml(config).get("stage", "")).replace("-", "_")
    kind = said or (_kind(folder, metrics) if alone else folder.name)
    return StageRun(kind if alone else folder.name, kind, folder, metrics, config)


def _kind(folder: Path, metrics: list[Row]) -> str:
    """Of a stage without a configuration: only RL has a journal and rewards."""
    rl = sure((folder / "journal.sqlite").is_file) or any("reward" in row for row in metrics)
    return "rl" if rl else folder.name


def _summary(file: Path, problems: list[str]) -> Summary:
    text = _text(file, problems)
    try:
        return Summary.model_validate_json(text) if text else Summary()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        problems.append(f"{file.name} is left out: {where + ': ' if where else ''}{first['msg']}")
        return Summary()


def _metrics(file: Path, problems: list[str]) -> list[Row]:
    """The last row of each step, since a resumed run writes some steps again."""
    rows: dict[float, Row] = {}
    bad = 0
    for line in filter(str.strip, _text(file, problems).splitlines()):
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        numbers = _numbers(row) if isinstance(row, dict) else {}
        if abs(numbers.get("step", math.inf)) <= LAST_STEP:
            rows[numbers["step"]] = numbers
        else:
            bad += 1
    if bad:
        lines = "1 line without a step is" if bad == 1 else f"{bad} lines without a step are"
        problems.append(f"{file.parent.name}/{file.name}: {lines} left out")
    return [rows[step] for step in sorted(rows)]


def _numbers(row: Mapping[str, Any]) -> Row:
    return {key: float(value) for key, value in row.items() if isinstance(value, int | float) and abs(value) <= LARGEST}


def _text(file: Path, problems: list[str]) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        problems.append(f"{file.name} cannot be read: {error.strerror or error}")
        return ""


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}
