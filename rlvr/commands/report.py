"""`rlvr report RUN`: the run as one HTML file."""

from pathlib import Path
from typing import Annotated

import typer


def report(run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory, such as runs/demo.")]) -> None:
    """Write RUN/report.html, which opens from disk without a network, and print its path."""
    from rlvr.view.report import write_report
    from rlvr.view.run import NoRun

    try:
        typer.echo(write_report(run))
    except NoRun as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    except OSError as error:
        typer.echo(f"error: {run / 'report.html'} cannot be written: {error.strerror or error}", err=True)
        raise typer.Exit(1) from None
