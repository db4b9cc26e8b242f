"""The journal of a run that the user named: what is wrong with either is one line."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rlvr.errors import UserError


@contextmanager
def journal_of(run: Path) -> Iterator[Path]:
    """Where it is. Raises UserError without one, and for whatever SQLite has against it in the block."""
    from rlvr.view.run import NoRun, read_run

    try:
        journal = read_run(run).journal
    except NoRun as error:
        raise UserError(str(error)) from None
    if journal is None:
        raise UserError(f"{run}: no rollouts: expected journal.sqlite of an RL stage in it or below")
    try:
        yield journal
    except sqlite3.DatabaseError as error:
        raise UserError(f"{journal}: the journal cannot be read: {error}") from None
