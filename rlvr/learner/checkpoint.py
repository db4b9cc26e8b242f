"""Checkpoints: a folder a step, written aside and renamed, so that there is either a whole one or none."""

import os
import shutil
from pathlib import Path

from transformers import AutoTokenizer

from rlvr.learner.step import Learner

KEEP = 2


def write(learner: Learner, folder: Path, step: int) -> None:
    """`folder/step-000010/learner.pt`, and the oldest beyond two taken away."""
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / ".writing"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    learner.save(aside)
    _sync(aside)
    target = folder / f"step-{step:06}"
    shutil.rmtree(target, ignore_errors=True)
    aside.rename(target)
    for old in _written(folder)[:-KEEP]:
        shutil.rmtree(old)


def restore(learner: Learner, folder: Path) -> int:
    """Take over the newest checkpoint and return its step; 0 when there is none."""
    written = _written(folder)
    if not written:
        return 0
    learner.restore(written[-1])
    return int(written[-1].name.removeprefix("step-"))


def publish(learner: Learner, folder: Path) -> None:
    """The policy as a Hugging Face folder with its tokenizer, in place of what was there."""
    aside = folder.with_name(f".{folder.name}")
    shutil.rmtree(aside, ignore_errors=True)
    learner.model.save_pretrained(aside)
    AutoTokenizer.from_pretrained(learner.config.model).save_pretrained(aside)
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)


def _written(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*"))


def _sync(folder: Path) -> None:
    """Onto the disk before the rename makes it count."""
    for path in [*folder.iterdir(), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
