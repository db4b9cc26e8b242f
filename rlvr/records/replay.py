"""Take a run's learner steps again from its journal, and compare what comes of them bit for bit.

The journal holds each step's batch as the learner was given it; the rest is in the checkpoint before it, or in the
model that the run started from. On a CPU, with the same libraries, every figure and parameter must come out the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rlvr.config import RL
from rlvr.errors import UserError
from rlvr.journal import Journal
from rlvr.settings import load


@dataclass(frozen=True, slots=True)
class Replayed:
    """One step taken again."""

    step: int
    found: dict[str, float]
    """The learner's figures now."""
    recorded: dict[str, float]
    """The same figures as the run recorded them; none of them if it died within the step."""

    @property
    def different(self) -> list[str]:
        """Figures that are not the same to the last bit."""
        return [name for name, value in self.recorded.items() if self.found[name].hex() != float(value).hex()]


def replay(run: Path, step: int | None) -> Iterator[Replayed]:
    """One step, or every step of the run from its first. Raises UserError when there is no such run or step."""
    folder = next((f for f in (run, run / "rl") if (f / "journal.sqlite").exists()), None)
    if folder is None:
        raise UserError(
            f"{run}: expected the run directory of an RL stage, found no journal.sqlite in it or in its rl/"
        )
    config = load.load(RL, folder / "config.toml")
    journal = Journal(folder / "journal.sqlite")
    try:
        recorded = {number: row for number, row in journal.steps().items() if number}
        if not recorded or (step is not None and step not in recorded):
            raise UserError(f"--step: expected one of the run's steps, 1 to {max(recorded, default=0)}, got {step}")
        yield from _take(config, folder, journal, recorded, step)
    finally:
        journal.close()


def _take(
    config: RL, folder: Path, journal: Journal, recorded: dict[int, dict[str, float]], only: int | None
) -> Iterator[Replayed]:
    from rlvr.actors import device_of, set_threads
    from rlvr.learner import checkpoint
    from rlvr.learner.ranks import Ranks
    from rlvr.learner.step import Learner

    set_threads(config.compute)
    learner = Learner(config, Ranks(device=device_of(config.compute)))
    done = 0 if only is None else checkpoint.restore(learner, folder / "checkpoints", at_most=only - 1)
    for number in range(done + 1, (only or max(recorded)) + 1):
        found = learner.step(journal.batch_of(number))
        if only in (None, number):
            kept = {name: value for name, value in recorded[number].items() if name in found}
            yield Replayed(number, found, kept)
