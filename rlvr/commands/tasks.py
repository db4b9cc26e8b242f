"""`rlvr tasks`: which task sources there are, what their tasks look like, and whether their answers can be trusted."""

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from rlvr.tasks.base import Example
    from rlvr.tasks.check import Report

app = typer.Typer(help="Task sources: list them, look at them, check their answers.", no_args_is_help=True)

SourceArgument = Annotated[
    str, typer.Argument(metavar="SOURCE", help="NAME, NAME:PATH, NAME@SPLIT:PATH, hub:ORG/NAME, or a file of tasks.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
LimitOption = Annotated[int | None, typer.Option(min=1, help="Read at most this many tasks.")]

SHOWN_FAILURES = 20


@app.command("list")
def list_sources(as_json: JsonOption = False) -> None:
    """The task sources that are known by name."""
    from rlvr.tasks.sources import FILE, SOURCES

    found = {source.name: source.about for source in [*SOURCES.values(), FILE]}
    if as_json:
        typer.echo(json.dumps(found))
        return
    width = max(map(len, found))
    for name, about in found.items():
        typer.echo(f"{name:{width}}  {about}")


@app.command()
def show(
    source: SourceArgument,
    count: Annotated[int, typer.Option("-n", min=1, help="How many tasks.")] = 3,
    as_json: JsonOption = False,
) -> None:
    """The first tasks of a source, with their references and gold responses."""
    examples = _load(source, False, count)
    for example in examples:
        if as_json:
            typer.echo(example.task.model_dump_json())
        else:
            _print_example(example)


@app.command()
def check(source: SourceArgument, limit: LimitOption = None, as_json: JsonOption = False) -> None:
    """Judge every gold answer, which must be correct, and several corrupted ones a row, which must not.

    Exit 0 when all verdicts are as they must be, 1 when one is not, 2 when the source cannot be read.
    """
    examples = _load(source, True, limit)
    report = asyncio.run(_checked(source, examples))
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        _print_report(report)
    raise typer.Exit(0 if report.passed else 1)


def _load(source: str, every_split: bool, limit: int | None) -> "list[Example]":
    from rlvr.tasks.base import ALL, SourceError
    from rlvr.tasks.sources import load_examples

    try:
        return load_examples(source, ALL if every_split else None, limit)
    except SourceError as error:
        _fail(error)


def _fail(error: Exception) -> NoReturn:
    typer.echo(f"error: {error}", err=True)
    raise typer.Exit(2)


async def _checked(source: str, examples: "list[Example]") -> "Report":
    from rich.console import Console
    from rich.progress import Progress

    from rlvr.tasks.check import check as check_all
    from rlvr.tasks.check import probes
    from verifiers import Grader

    console = Console(stderr=True)
    total = sum(1 for _ in probes(examples))
    with Grader() as grader, Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        bar = progress.add_task("judging", total=total)
        return await check_all(source, examples, grader, lambda: progress.advance(bar))


def _print_example(example: "Example") -> None:
    task = example.task
    typer.secho(f"{task.id}  verifier {task.verifier}  source {task.source}", bold=True)
    turns = [task.prompt] if isinstance(task.prompt, str) else [f"{t['role']}: {t['content']}" for t in task.prompt]
    typer.echo("\n".join(turns))
    typer.secho(f"reference: {json.dumps(task.reference, ensure_ascii=False)}", fg="cyan")
    typer.secho(f"gold: {example.gold or 'none'}\n", fg="green")


def _print_report(report: "Report") -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table("response", "must be", "as it must be", "of", title=f"{report.source}: {report.tasks:,} tasks")
    for kind, (good, count) in report.kinds.items():
        table.add_row(kind, "correct" if kind == "gold" else "rejected", f"{good:,}", f"{count:,}")
    if report.kinds:
        console.print(table)
    for failure in report.failures[:SHOWN_FAILURES]:
        typer.echo(f"{failure.where} ({failure.id}): {failure.kind} is {failure.status}: {failure.reason}")
    if len(report.failures) > SHOWN_FAILURES:
        typer.echo(f"and {len(report.failures) - SHOWN_FAILURES} more; --json lists them all")
    if report.shape_only:
        typer.echo(f"no gold response: shape checked only, {report.shape_only:,} of {report.tasks:,} tasks")
    typer.echo(f"golds correct {report.gold_correct:,} of {report.gold:,}")
    typer.echo(f"corrupted rejected {report.corrupted_rejected:,} of {report.corrupted:,}")
    typer.echo(f"{report.seconds:.1f} s", file=sys.stderr)
