"""`rlvr replay RUN`: take learner steps again from the journal, and compare them bit for bit."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rlvr.commands.journal import journal_of
from rlvr.commands.stages import user_errors

if TYPE_CHECKING:
    from rlvr.records.replay import Replayed


def replay(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory with an RL stage, such as runs/demo.")],
    step: Annotated[int | None, typer.Option(min=1, help="This step alone; every step by default.")] = None,
) -> None:
    """Compute learner steps again from a run's journal. Exit 1 when one comes out differently."""
    with user_errors(), journal_of(run):
        from rlvr.errors import WorkFailed
        from rlvr.records.replay import replay as taken_again

        different = 0
        for replayed in taken_again(run, step):
            typer.echo(_line(replayed))
            different += bool(replayed.different)
        if different:
            raise WorkFailed(
                f"{different} step(s) came out differently; the same libraries and the same compute.threads as the "
                "run's are needed, and a CPU"
            )


def _line(replayed: "Replayed") -> str:
    if not replayed.recorded:
        return f"step {replayed.step}: the run died within it and recorded nothing to compare with"
    if not replayed.different:
        shown = {n: replayed.found[n] for n in ("loss", "grad_norm") if n in replayed.found}
        figures = ", ".join(f"{name} {value:.6g}" for name, value in shown.items())
        parameters = f"{int(replayed.found['fingerprint']):013x}"
        return f"step {replayed.step}: the same bit for bit ({figures or 'nothing trained'}, parameters {parameters})"
    pairs = [f"{n} {replayed.recorded[n]!r} -> {replayed.found[n]!r}" for n in replayed.different]
    return f"step {replayed.step}: DIFFERENT: {', '.join(pairs)}"
