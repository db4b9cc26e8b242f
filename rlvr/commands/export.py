"""`rlvr export`: a run's rollouts for other tools."""

from pathlib import Path
from typing import Annotated

import typer

from rlvr.commands.stages import user_errors

app = typer.Typer(help="A run's rollouts for other tools: parquet, inspect.", no_args_is_help=True)

Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run directory with an RL stage, such as runs/demo.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", metavar="DIR", help="Folder to write to.")]


@app.command()
def parquet(run: Run, out: Out = None) -> None:
    """One Parquet file a step, with the columns of TRL's `log_completions`; into RUN/completions by default."""
    with user_errors():
        from rlvr.records import export

        journal = _journal(run)
        written = export.parquet(journal, out or run / "completions")
        typer.echo(f"{len(written)} files in {out or run / 'completions'}")


@app.command()
def inspect(
    run: Run,
    out: Out = None,
    every: Annotated[int, typer.Option(min=1, help="Only every n-th step.")] = 1,
) -> None:
    """One Inspect log a step, for `inspect view start --log-dir DIR`; into RUN/inspect by default."""
    with user_errors("inspect"):
        from rlvr.records import export

        journal = _journal(run)
        written = export.inspect(journal, out or run / "inspect", f"rlvr/{run.resolve().name}", every)
        typer.echo(f"{len(written)} logs in {out or run / 'inspect'}")


def _journal(run: Path) -> Path:
    from rlvr.errors import UserError
    from rlvr.view.rescored import folder_of
    from rlvr.view.run import NoRun

    try:
        return folder_of(run).parent / "journal.sqlite"
    except NoRun as error:
        raise UserError(str(error)) from None
