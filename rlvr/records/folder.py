"""A run directory has one writer at a time, and the settings that it belongs to: `config.toml`."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rlvr.config import Pipeline, Stage
from rlvr.errors import UserError
from rlvr.settings import load

ASIDE, SETTINGS, LOCK = ".config.toml", "config.toml", ".lock"


@contextmanager
def sole_writer(out: Path) -> Iterator[None]:
    """While it lasts, nobody else is at work on the folder. It ends with the process, however that ends.

    Raises UserError where somebody is.
    """
    descriptor = os.open(out / LOCK, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        hold(descriptor, out)
        yield
    finally:
        os.close(descriptor)


def hold(descriptor: int, out: Path) -> None:
    """Hold an open file for as long as it is open. Raises UserError where another process does."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UserError(f"out: another process is at work on {out}; wait for it, or choose another folder") from None


def keep(config: Stage | Pipeline) -> None:
    """Write `config.toml`: the old text or the new one, never a part of one."""
    write_aside(config).replace(config.out / SETTINGS)


def write_aside(config: Stage | Pipeline) -> Path:
    """The settings of a run that is not begun yet, and may turn out to be another one's than the folder holds."""
    path = config.out / ASIDE
    path.write_text(load.dump(config))
    return path
