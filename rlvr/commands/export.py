"""`rlvr export`: a run's rollouts for other tools."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from rlvr.commands.journal import journal_of
from rlvr.commands.stages import user_errors

app = typer.Typer(help="A run's rollouts for other tools: parquet, inspect.", no_args_is_help=True)

Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run directory with an RL stage, such as runs/demo.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", metavar="DIR", help="Folder to write to.")]


@app.command()
def parquet(run: Run, out: Out = None) -> None:
    """One Parquet file a step, with the columns of TRL's `log_completions`; into RUN/completions by default."""
    with user_errors(), journal_of(run) as journal:
        from rlvr.records import export

        folder = out or run / "completions"
        with _writing(folder):
            written = export.parquet(journal, folder)
        typer.echo(f"{len(written)} files in {folder}")


@app.command()
def inspect(
    run: Run,
    out: Out = None,
    every: Annotated[int, typer.Option(min=1, help="Only every n-th step.")] = 1,
) -> None:
    """One Inspect log a step, for `inspect view start --log-dir DIR`; into RUN/inspect by default."""
    with user_errors("inspect"), journal_of(run) as journal:
        from rlvr.records import export

        folder = out or run / "inspect"
        with _writing(folder):
            written = export.inspect(journal, folder, f"rlvr/{run.resolve().name}", every)
        typer.echo(f"{len(written)} logs in {folder}")


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Raises UserError for a folder that cannot be made or written to."""
    from rlvr.errors import UserError

    try:
        yield
    except OSError as error:
        raise UserError(f"{folder} cannot be written to: {error.strerror or error}; give another with --out") from None
