"""`rlvr report RUN [OTHER]`: one run, or two compared, as one HTML file; or as a table for a paper."""

from pathlib import Path
from typing import Annotated

import typer

from rlvr.commands.stages import user_errors


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory, such as runs/demo.")],
    other: Annotated[Path | None, typer.Argument(metavar="[OTHER]", help="A run to compare with it.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Where to write the page.")] = None,
    table: Annotated[
        str | None, typer.Option(metavar="FORM", help="Print a table for a paper instead: markdown or latex.")
    ] = None,
) -> None:
    """Write RUN/report.html, which opens from disk without a network, and print its path."""
    with user_errors("view"):
        from rlvr.errors import UserError, WorkFailed
        from rlvr.view.comparison import write_comparison
        from rlvr.view.report import write_report
        from rlvr.view.run import NoRun

        path = out or run / (f"report-{other.resolve().name}.html" if other else "report.html")
        try:
            if table:
                typer.echo(_table(run, other, table), nl=False)
            else:
                typer.echo(write_comparison(run, other, path) if other else write_report(run, path))
        except NoRun as error:
            raise UserError(str(error)) from None
        except OSError as error:
            raise WorkFailed(f"{path} cannot be written: {error.strerror or error}") from None


def _table(run: Path, other: Path | None, form: str) -> str:
    from rlvr.errors import UserError
    from rlvr.view import paper
    from rlvr.view.comparison import label_pair
    from rlvr.view.run import read_run
    from rlvr.view.scores import read_scores

    if form not in paper.FORMS:
        raise UserError(f"--table: expected one of {', '.join(paper.FORMS)}, got {form!r}")
    for path in (run, other):
        if path and read_run(path) and not read_scores(path):
            raise UserError(f"{path}: no evaluation with responses: expected evaluate/summary.json and a file a model")
    if other is None:
        return paper.FORMS[form](paper.of_run(read_scores(run)))
    return paper.FORMS[form](paper.of_two(label_pair(run, other), read_scores(run), read_scores(other)))
