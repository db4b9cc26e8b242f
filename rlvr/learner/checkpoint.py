"""Checkpoints: a folder a step, written aside and renamed, so that there is either a whole one or none.

`learner.pt` holds all that a step depends on, `state.json` what it belongs to: its step, a hash of the settings that
steer training, and the versions of the libraries. The learning rate and the data's cursor are functions of the step.
Every rank calls these functions; the first one writes.
"""

import json
import os
import random
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from transformers import AutoTokenizer

from rlvr.errors import WorkFailed
from rlvr.learner import policy
from rlvr.learner.step import Learner
from rlvr.settings.steering import settings_hash

KEEP = 2
LIBRARIES = ("rlvr", "torch", "transformers")


def write(learner: Learner, folder: Path, step: int) -> None:
    """`folder/step-000010/`, and the oldest beyond two taken away."""
    state = _state(learner)  # sharded parameters are put together by all ranks
    if learner.ranks.first:
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / ".writing"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        with (aside / "learner.pt").open("wb") as file:  # Python's own, which says so when the disk is full
            torch.save(state, file)
        about = {"step": step, "batch": learner.version, "settings": settings_hash(learner.config)}
        (aside / "state.json").write_text(
            json.dumps(about | {"versions": {n: version(n) for n in LIBRARIES}}, indent=2)
        )
        onto_disk(aside)
        target = folder / f"step-{step:06}"
        shutil.rmtree(target, ignore_errors=True)
        aside.rename(target)
        onto_disk(folder)
        for old in written(folder)[:-KEEP]:
            shutil.rmtree(old)
    learner.ranks.barrier()


def restore(learner: Learner, folder: Path, at_most: int | None = None) -> int:
    """Take over the newest checkpoint, up to a step if one is given, and return its step; 0 when there is none.

    Raises WorkFailed for one that other settings made: what follows would belong to neither run.
    """
    found = [path for path in written(folder) if at_most is None or step_of(path) <= at_most]
    if not found:
        return 0
    about = json.loads((found[-1] / "state.json").read_text())
    if about["settings"] != settings_hash(learner.config):
        raise WorkFailed(
            f"{found[-1]} was made with other settings than this run's; give the run its own config.toml again, or "
            "start a new run directory"
        )
    _take_over(learner, torch.load(found[-1] / "learner.pt", map_location="cpu", weights_only=True))
    return step_of(found[-1])


def publish(learner: Learner, folder: Path) -> None:
    """The policy as a Hugging Face folder with its tokenizer, in place of what was there; adapters are merged in."""
    state = dict(policy.weights(learner.policy))
    if learner.ranks.first:
        aside = folder.with_name(f".{folder.name}")
        shutil.rmtree(aside, ignore_errors=True)
        learner.model.save_pretrained(aside, state_dict=state)
        AutoTokenizer.from_pretrained(learner.config.model).save_pretrained(aside)
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
    learner.ranks.barrier()


def written(folder: Path) -> list[Path]:
    """Whole checkpoints, oldest first."""
    return sorted(folder.glob("step-*"))


def step_of(path: Path) -> int:
    return int(path.name.removeprefix("step-"))


def _state(learner: Learner) -> dict[str, Any]:
    """Whole tensors on the CPU by name, whatever the number of ranks: a run may go on with another."""
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    return {
        "version": learner.version,
        "models": {name: get_model_state_dict(m.model, options=options) for name, m in learner.models.items()},
        "optimizers": {
            name: get_optimizer_state_dict(learner.models[name], optimizer, options=options)
            for name, optimizer in learner.optimizers.items()
        },
        "random": {"torch": torch.get_rng_state(), "numpy": _numpy_state(), "python": random.getstate()},
    }


def _take_over(learner: Learner, state: dict[str, Any]) -> None:
    options = StateDictOptions(full_state_dict=True, broadcast_from_rank0=False)
    for name, model in learner.models.items():
        set_model_state_dict(model.model, state["models"][name], options=options)
    for name, optimizer in learner.optimizers.items():
        set_optimizer_state_dict(learner.models[name], optimizer, state["optimizers"][name], options=options)
    learner.version = state["version"]
    kept = state["random"]
    torch.set_rng_state(kept["torch"])
    np.random.set_state(("MT19937", kept["numpy"]["keys"].numpy().astype(np.uint32), *kept["numpy"]["rest"]))
    mode, numbers, gauss = kept["python"]
    random.setstate((mode, tuple(numbers), gauss))


def _numpy_state() -> dict[str, Any]:
    """In types that a checkpoint may hold: it is read back without running any code of its own."""
    state: Any = np.random.get_state(legacy=True)
    _, keys, position, has_gauss, gauss = state
    return {"keys": torch.from_numpy(keys.astype(np.int64)), "rest": [int(position), int(has_gauss), float(gauss)]}


def onto_disk(folder: Path) -> None:
    """Onto the disk before the rename makes it count."""
    for path in [*folder.iterdir(), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
