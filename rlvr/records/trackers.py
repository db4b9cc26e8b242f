"""Metrics to the trackers that people already have: TensorBoard, Weights & Biases, MLflow, trackio.

One small protocol, and names as TRL's users know them, so that their dashboards fit. `metrics.jsonl` is written by the
run itself whatever is tracked. A tracker that fails is told of once and left alone: it never ends a run. Where the
numbers go is each tracker's own business (WANDB_PROJECT, MLFLOW_TRACKING_URI, TRACKIO_SPACE_ID, ...).
"""

import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rlvr.errors import UserError
from rlvr.settings.sections import Stage

PROJECT = "rlvr"

NAMES = {
    "lr": "learning_rate",
    "response_tokens": "completions/mean_length",
    "truncated": "completions/clipped_ratio",
    "clip_share": "clip_ratio/region_mean",
    "step_seconds": "step_time",
    "token_accuracy": "mean_token_accuracy",
    "pair_accuracy": "rewards/accuracies",
}
"""Our name -> TRL's, where they differ. What TRL does not know keeps its name."""


class Tracker(Protocol):
    """Takes the numbers of one run."""

    def log(self, step: int, metrics: Mapping[str, float]) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Identity:
    """Which run this is: the same one when it is resumed."""

    id: str
    name: str
    out: Path
    config: dict[str, Any]
    resume: bool


def named(metrics: Mapping[str, float]) -> dict[str, float]:
    """As TRL names them, below `train/` and `eval/`."""
    found = {}
    for key, value in metrics.items():
        family = key.partition("/")[2]
        if key.startswith("validation/"):
            found[f"eval/{family}" if family == "accuracy" else f"eval/accuracy/{family}"] = value
        elif key.startswith("reward/"):
            found[f"train/rewards/{family}/mean"] = value
        elif key == "informative":
            found["train/frac_reward_zero_std"] = 1.0 - value
        else:
            found[f"train/{NAMES.get(key, key)}"] = value
    return found


class Tracking:
    """All trackers of a run, as one."""

    def __init__(self, trackers: Mapping[str, Tracker]) -> None:
        self._trackers = dict(trackers)

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        self._each(lambda tracker: tracker.log(step, named(metrics)))

    def close(self) -> None:
        self._each(lambda tracker: tracker.close())

    def _each(self, work: Callable[[Tracker], None]) -> None:
        for name, tracker in list(self._trackers.items()):
            try:
                work(tracker)
            except Exception as error:
                del self._trackers[name]
                _tell(name, error)


def _tell(name: str, error: Exception) -> None:
    sys.stderr.write(f"tracker {name} failed and is left alone from here: {error!r:.300}\n")


def start(config: Stage, resume: bool = False) -> Tracking:
    """Open the stage's trackers. Raises UserError for one that is not installed, before any work is done."""
    out = config.out.absolute()
    if not config.trackers:
        return Tracking({})
    run = Identity(_id(out, resume), out.name, out, config.model_dump(mode="json"), resume)
    opened = {name: _open(name, run) for name in config.trackers}
    return Tracking({name: tracker for name, tracker in opened.items() if tracker})


def _open(name: str, run: Identity) -> Tracker | None:
    """None for one that fails, such as a server that does not answer."""
    try:
        return OPEN[name](run)
    except ModuleNotFoundError as error:
        raise UserError(f"trackers: {name} needs {error.name}: pip install 'rlvr[{name}]'") from None
    except Exception as error:
        _tell(name, error)
        return None


def _id(out: Path, resume: bool) -> str:
    """Kept in the run directory, so that a resumed run goes on in the same place."""
    file = out / "tracking.json"
    if resume and file.exists():
        return str(json.loads(file.read_text())["id"])
    out.mkdir(parents=True, exist_ok=True)
    id = uuid.uuid4().hex[:12]
    aside = out / ".tracking.json"  # a kill leaves the whole file or none
    aside.write_text(json.dumps({"id": id}))
    aside.replace(file)
    return id


class TensorBoard:
    """Event files in `RUN/tensorboard`."""

    def __init__(self, run: Identity) -> None:
        from tensorboardX import SummaryWriter

        self._writer = SummaryWriter(str(run.out / "tensorboard"), filename_suffix=f".{time.time_ns()}")

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class WeightsAndBiases:
    def __init__(self, run: Identity) -> None:
        import wandb

        project = os.environ.get("WANDB_PROJECT", PROJECT)
        resume = "allow" if run.resume else "never"
        self._run = wandb.init(
            project=project, id=run.id, name=run.name, config=run.config, resume=resume, dir=str(run.out)
        )

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        self._run.log(dict(metrics), step=step)

    def close(self) -> None:
        self._run.finish()


class MLflow:
    def __init__(self, run: Identity) -> None:
        from mlflow import MlflowClient

        self._client = MlflowClient()
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
        experiment = self._client.get_experiment_by_name(name)
        number = experiment.experiment_id if experiment else self._client.create_experiment(name)
        before = self._client.search_runs([number], f"tags.rlvr_id = '{run.id}'") if run.resume else []
        tags = {"rlvr_id": run.id, "mlflow.runName": run.name}
        self._id = before[0].info.run_id if before else self._client.create_run(number, tags=tags).info.run_id
        for key, value in () if before else run.config.items():
            self._client.log_param(self._id, key, str(value)[:500])

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._client.log_batch(self._id, [Metric(name, value, now, step) for name, value in metrics.items()])

    def close(self) -> None:
        self._client.set_terminated(self._id)


class Trackio:
    def __init__(self, run: Identity) -> None:
        import trackio

        resume = "allow" if run.resume else "never"
        self._run = trackio.init(project=PROJECT, name=f"{run.name}-{run.id}", config=run.config, resume=resume)

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        self._run.log(dict(metrics), step=step)

    def close(self) -> None:
        self._run.finish()


OPEN: Mapping[str, Callable[[Identity], Tracker]] = {
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
    "mlflow": MLflow,
    "trackio": Trackio,
}
