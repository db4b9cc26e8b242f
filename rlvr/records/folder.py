"""A run directory has one writer at a time, and the settings that it belongs to: `config.toml`."""

import fcntl
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rlvr.config import Pipeline, Stage
from rlvr.errors import UserError
from rlvr.settings import load

log = logging.getLogger(__name__)

SETTINGS = "config.toml"
ASIDE, LOCK, ALIVE = OURS = ".config.toml", ".lock", ".alive"
"""Not a part of the run. The last one is touched for as long as somebody is at work on it."""
BEAT_S = 15.0


class Heartbeat:
    """Touches a file until it is stopped, and takes it away then: this is what tells a long step from a dead run."""

    def __init__(self, file: Path, every_s: float = BEAT_S) -> None:
        self._file, self._every_s = file, every_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()

    def _beat(self) -> None:
        while True:
            with suppress(OSError):  # whoever writes more than a sign says what is wrong with the disk
                self._file.touch()
            if self._stopped.wait(self._every_s):
                return

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()
        with suppress(OSError):
            self._file.unlink()


@contextmanager
def sole_writer(out: Path) -> Iterator[None]:
    """While it lasts, nobody else is at work on the folder, and it gives signs of life.

    It ends with the process, however that ends. Raises UserError where somebody is at work.
    """
    with _locked(out):
        heartbeat = Heartbeat(out / ALIVE)
        try:
            yield
        finally:
            heartbeat.stop()


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    try:
        descriptor = os.open(out / LOCK, os.O_WRONLY | os.O_CREAT, 0o644)
    except OSError as error:
        raise UserError(f"out: {out} cannot be written to: {error.strerror}; choose another folder") from None
    try:
        hold(descriptor, out)
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # closing is not enough where a child has been forked meanwhile
        os.close(descriptor)


def hold(descriptor: int, out: Path) -> None:
    """Hold an open file for as long as it is open, where its file system has locks.

    Raises UserError where another process holds it.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        raise UserError(f"out: another process is at work on {out}; wait for it, or choose another folder") from None
    except OSError as error:
        log.warning("%s: no locks there (%s): see to it that nobody else works on the same folder", out, error.strerror)


def refuse_work_below(out: Path) -> None:
    """Raises UserError where somebody is at work on a folder inside."""
    for lock in sorted(out.glob(f"*/{LOCK}")):
        with _locked(lock.parent):
            pass


def keep(config: Stage | Pipeline) -> None:
    """Write `config.toml`: the old text or the new one, never a part of one."""
    write_aside(config).replace(config.out / SETTINGS)


def write_aside(config: Stage | Pipeline) -> Path:
    """The settings of a run that is not begun yet, and may turn out to be another one's than the folder holds."""
    path = config.out / ASIDE
    path.write_text(load.dump(config))
    return path
