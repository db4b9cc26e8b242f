"""The runs below a folder, each in one line: what it is, how far it has come, what it reached."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rlvr.records.folder import ALIVE
from rlvr.view import story
from rlvr.view.run import NoRun, Row, Run, folders, is_run, read_run, sure

DEPTH = 4
"""Folders below the root that are looked through."""
NO_RUNS = ("checkpoints", "model", "trainer", "base", "tasks", "node_modules")
"""Folders that are not looked through."""
LIVE_S = 120.0
"""A run that has given a sign of life within this time and has not ended is going on."""


@dataclass(frozen=True, slots=True)
class Listed:
    name: str
    """Path below the root, which is its address in the pages."""
    path: Path
    stages: str
    live: bool
    finished: bool
    step: float | None
    """Of the RL stage; of the last stage that has metrics where there is no RL."""
    total: float | None
    reward: float | None
    validation: float | None
    accuracy: float | None
    """Held-out, after the last stage that was judged."""
    seed: int | None
    control: str
    changed: float
    """Seconds since the epoch."""

    @property
    def state(self) -> str:
        return "running" if self.live else "finished" if self.finished else "stopped"


def find(root: Path) -> dict[str, Path]:
    """Name -> folder of every run below the root; of a pipeline the whole, not its stages. The root may be a run."""
    if is_run(root):
        return {root.resolve().name: root}
    return {str(path.relative_to(root)): path for path in sorted(_below(root, DEPTH))}


def _below(folder: Path, depth: int) -> Iterator[Path]:
    for path in folders(folder):
        if path.name in NO_RUNS or path.name.startswith("."):
            continue
        if is_run(path):
            yield path
        elif depth > 1:
            yield from _below(path, depth - 1)


def listed(root: Path) -> list[Listed]:
    """Newest first."""
    found = [_listed(name, path) for name, path in find(root).items()]
    return sorted((run for run in found if run), key=lambda run: run.changed, reverse=True)


def _listed(name: str, path: Path) -> Listed | None:
    try:
        run = read(path)
    except NoRun:  # gone since it was found
        return None
    measured = [stage for stage in run.stages if stage.metrics]
    stage = run.stage("rl") if run.stage("rl") in measured else measured[-1] if measured else None
    rows = stage.metrics if stage else []
    scores = list(run.summary.stages.values())

    def last(key: str) -> float | None:
        return next((row[key] for row in reversed(rows) if key in row), None)

    return Listed(
        name=name,
        path=path,
        stages=" \N{RIGHTWARDS ARROW} ".join(story.name(each.kind) for each in run.stages if each.kind != "eval"),
        live=is_live(run),
        finished=has_ended(run),
        step=last("step"),
        total=last("total"),
        reward=last("reward"),
        validation=last("validation/accuracy"),
        accuracy=scores[-1].accuracy if scores else None,
        seed=run.summary.seed,
        control=run.control,
        changed=max(stamp(path)),
    )


def read(path: Path) -> Run:
    """The run; read again only when one of its files has changed. Raises NoRun."""
    return _read(path, stamp(path))


@lru_cache(maxsize=256)
def _read(path: Path, _: tuple[float, ...]) -> Run:
    return read_run(path)


def stamp(path: Path) -> tuple[float, ...]:
    """When the files of a run were last written."""
    names = ("summary.json", "config.toml", "metrics.jsonl", "journal.sqlite", "journal.sqlite-wal")
    return tuple(_changed(folder / name) for folder in (path, *folders(path)) for name in names)


def _changed(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def has_ended(run: Run) -> bool:
    """Its summary is written last. That of a run which was resumed with more to do is an old one."""
    if not sure((run.path / "summary.json").is_file):
        return False
    if _changed(run.path / "summary.json") >= _written(run):
        return True
    return all(sure((stage.folder / "DONE").exists) or _reached_its_end(stage.metrics) for stage in run.stages)


def _reached_its_end(rows: list[Row]) -> bool:
    return bool(rows) and "total" in rows[-1] and rows[-1]["step"] >= rows[-1]["total"]


def is_live(run: Run) -> bool:
    beats = (_changed(folder / ALIVE) for folder in (run.path, *(stage.folder for stage in run.stages)))
    if time.time() - max(beats) < LIVE_S:  # taken away at the end: this is somebody at work, also on a finished run
        return True
    return not has_ended(run) and time.time() - max(stamp(run.path)) < LIVE_S


def _written(run: Run) -> float:
    return max((_changed(stage.folder / "metrics.jsonl") for stage in run.stages), default=0.0)
