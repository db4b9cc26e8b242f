"""Whose error it is decides how a command ends: 2 for the user's input, 1 for work that failed though it was right."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class UserError(ValueError):
    """The input is wrong. One clear line: what was expected, what came, what to do."""


class WorkFailed(Exception):
    """The work failed though the input was right. The message says what and where to look."""


class RunStopped(WorkFailed):
    """The run should not go on by itself. The message says why; `--resume` goes on once that is mended."""


def make_folder(folder: Path, name: str = "out") -> None:
    """With its parents, unless it is there. Raises UserError, under the option's name, where none can be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{name}: {folder} cannot be made a folder: {error.strerror}; choose another") from None


FULL = ("No space left on device", "disk is full", "Disk quota exceeded")
"""What the system, SQLite and libraries in other languages say of a full disk."""


@contextmanager
def disk_watched(folder: Path) -> Iterator[None]:
    """Raises WorkFailed for whatever is raised because the disk below `folder` is full."""
    try:
        yield
    except Exception as error:
        if any(text in str(one) for one in _chain(error) for text in FULL):
            raise WorkFailed(
                f"the disk of {folder} is full; what was written before is whole: make room, and go on with --resume"
            ) from error
        raise


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
