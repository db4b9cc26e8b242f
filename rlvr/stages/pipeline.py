"""A chain of stages, each a Ray job that starts from the model of the one before; then the table and the report."""

import json
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from rlvr import jobs
from rlvr.config import RL, Pipeline, Stage
from rlvr.errors import make_folder
from rlvr.records import folder
from rlvr.settings import load
from rlvr.stages import scratch

DONE = "DONE"
"""Marks the folder of a stage that has ended well, for `--resume`."""

Watch = Callable[[str, Path], None]
"""Called now and then with the name and folder of the stage that runs."""


def run(config: Pipeline, address: str | None, resume: bool, watch: Watch) -> dict[str, Any]:
    """Run what is not done yet; returns the summary that it writes to `config.out / "summary.json"`."""
    start = time.monotonic()
    out = config.out.absolute()
    if not resume:
        left_in(out)
    make_folder(out)
    seconds: dict[str, float] = {}
    with folder.sole_writer(out), ThreadPoolExecutor(1) as pool, ExitStack() as cluster:
        folder.refuse_work_below(out)  # such as a stage whose pipeline was killed
        if not resume:
            clear(out)
        folder.keep(config)
        watch("tasks", out)
        building = pool.submit(_build_scratch, config, out)  # while the cluster comes up
        client = cluster.enter_context(jobs.cluster(address))
        building.result()
        seconds["start"] = time.monotonic() - start
        for name, stage in chain(config):
            begun = time.monotonic()
            if not (stage.out / DONE).exists():
                run_stage(client, name, stage, resume, watch)
            seconds[name] = time.monotonic() - begun
        summary = summarise(config, out, seconds, time.monotonic() - start)
        (out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    return summary


MADE = (
    *("tasks", "base", "sft", "dpo", "rl", "evaluate", "config.toml", "summary.json"),
    *("report.html", "report-*.html", "completions", "inspect"),
)
"""What a pipeline, `rlvr report` and `rlvr export` write into its run directory: what a new run may take away."""


def clear(out: Path) -> None:
    """Take an earlier run away. Raises as `left_in`, and touches nothing then."""
    for path in left_in(out):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def left_in(out: Path) -> list[Path]:
    """What an earlier run has left in the folder. Raises ConfigError for a folder that holds anything else."""
    try:
        found = sorted(path for path in out.iterdir() if path.name not in folder.OURS) if out.is_dir() else []
    except OSError as error:
        raise load.ConfigError(f"out: {out} cannot be read: {error.strerror}") from None
    names = [path.name for path in found]
    foreign = [name for name in names if not any(fnmatchcase(name, pattern) for pattern in MADE)]
    if foreign or (names and "config.toml" not in names):
        raise load.ConfigError(
            f"out: {out} is no earlier run, it holds {', '.join((foreign or names)[:3])}; choose an empty or new folder"
        )
    return found


def _build_scratch(config: Pipeline, out: Path) -> None:
    if config.scratch and not (out / "base" / DONE).exists():
        scratch.build(config.scratch, out, config.seed)
        (out / "base" / DONE).touch()


def run_stage(client: Any, name: str, stage: Stage, resume: bool, watch: Watch) -> None:
    """One job, to its end. Raises WorkFailed when it fails."""
    stage.out.mkdir(parents=True, exist_ok=True)
    path = folder.write_aside(stage)
    job = jobs.submit_beside(
        client, [name, str(path), *(["--resume"] if resume else [])], {"stage": name, "out": str(stage.out)}
    )
    try:
        jobs.wait(client, job, lambda: watch(name, stage.out))
    except (KeyboardInterrupt, SystemExit):
        client.stop_job(job)
        raise
    (stage.out / DONE).touch()


def chain(config: Pipeline) -> list[tuple[str, Stage]]:
    """The stages in order, each with its `model`, `out` and seed filled in, and `{out}` in its strings replaced."""
    out = config.out.absolute()
    model = config.model
    stages: list[tuple[str, Stage]] = []
    models = {"base": model}
    for name, stage in (("sft", config.sft), ("dpo", config.dpo), ("rl", _guarded(config))):
        if stage is not None:
            stages.append((name, _place(stage, out, name, stage.model or model, config.seed)))
            model = models[name] = str(out / name / "model")
    if config.evaluate is not None:
        judged = config.evaluate.model_copy(update={"models": config.evaluate.models or models})
        stages.append(("eval", _place(judged, out, "evaluate", model, config.seed)))
    return stages


def _guarded(config: Pipeline) -> RL | None:
    """The RL stage, which may not train on what the pipeline is judged by in the end."""
    if config.rl is None or config.evaluate is None:
        return config.rl
    judged = (*config.evaluate.suites().values(), *config.evaluate.unseen.values())
    against = tuple(dict.fromkeys((*config.rl.tasks.against, *judged)))
    return config.rl.model_copy(update={"tasks": config.rl.tasks.model_copy(update={"against": against})})


def _place(stage: Stage, out: Path, name: str, model: str, seed: int) -> Stage:
    data = stage.model_dump() | {"out": out / name, "model": model, "seed": stage.seed or seed}
    return type(stage).model_validate(_fill(data, str(out)))


def _fill(value: Any, out: str) -> Any:
    """`{out}` replaced in every string."""
    if isinstance(value, str):
        return value.replace("{out}", out)
    if isinstance(value, dict):
        return {key: _fill(item, out) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_fill(item, out) for item in value]
    return value


def summarise(config: Pipeline, out: Path, seconds: dict[str, float], total: float) -> dict[str, Any]:
    scores = {}
    if config.evaluate:
        scores = json.loads((out / "evaluate" / "summary.json").read_text())["models"]
    return {
        "stages": {name: {"accuracy": s["accuracy"], "families": s["families"]} for name, s in scores.items()},
        "seconds": round(total, 1),
        "stage_seconds": {name: round(value, 1) for name, value in seconds.items()},
        "seed": config.seed,
        "control": config.rl.control if config.rl else "none",
    }
