"""Checkpoints of TRL's trainers: written aside, and renamed once every worker has written its part of one.

`out/checkpoints/step-000100/` holds all that the trainer goes on from: weights, optimizer, schedule, place in the data,
and each worker's random state. Beside them stands a hash of the settings that they belong to.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerState
from transformers.trainer_callback import TrainerControl

from rlvr.config import SFT, Preferences
from rlvr.errors import WorkFailed
from rlvr.learner.checkpoint import onto_disk, step_of, written
from rlvr.records import runlog
from rlvr.settings.steering import settings_hash
from rlvr.stages.workers import Rank

SETTINGS = "settings.json"


class Keep(TrainerCallback):  # type: ignore[misc]
    """Makes whole checkpoints of what the trainer saves, and keeps the last."""

    def __init__(self, config: SFT | Preferences, rank: Rank) -> None:
        self.config, self.rank, self.folder = config, rank, config.out / "checkpoints"

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Figures are averages since the last row; a run that goes on from here begins a row of its own."""
        control.should_log = control.should_log or control.should_save

    def on_save(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.rank.barrier()
        if self.rank.first:
            aside = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            (aside / SETTINGS).write_text(json.dumps(settings_hash(self.config)))
            onto_disk(aside)
            self.folder.mkdir(exist_ok=True)
            aside.rename(self.folder / f"step-{state.global_step:06}")
            onto_disk(self.folder)
            for old in written(self.folder)[:-1]:
                shutil.rmtree(old)
        self.rank.barrier()


def train(trainer: Any, last: Path | None) -> None:
    """To the end, from the last checkpoint on if there is one."""
    if last:
        rows = TrainerState.load_from_json(str(last / "trainer_state.json")).log_history
        trainer._total_train_tokens = rows[-1]["num_tokens"]  # the one figure that TRL does not save
    trainer.train(resume_from_checkpoint=str(last) if last else None)


def last(config: SFT | Preferences, rank: Rank) -> Path | None:
    """The newest whole checkpoint; the rows of `metrics.jsonl` that came after it are taken away.

    Raises WorkFailed for one that other settings made.
    """
    found = written(config.out / "checkpoints")
    if not found:
        return None
    if json.loads((found[-1] / SETTINGS).read_text()) != settings_hash(config):
        raise WorkFailed(
            f"{found[-1]} was made with other settings than this run's; give the run its own config.toml again, or "
            "start a new run directory"
        )
    if rank.first:
        runlog.cut(config.out, step_of(found[-1]))
    return found[-1]
