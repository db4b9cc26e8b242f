"""`rlvr verifiers`: what is installed and what it reads; scaffold a plug-in, check its contract, measure it."""

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from verifiers.bench import Case, Peer

app = typer.Typer(help="Verifiers: list, show, scaffold, check, measure.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="A name from the list, or file.py[:Class].")]


@contextmanager
def _user_errors() -> "Iterator[None]":
    """What the user got wrong ends with one line and exit 2."""
    from verifiers import VerifierError

    try:
        yield
    except OSError as error:
        typer.echo(f"error: {error.filename}: {error.strerror}", err=True)
        raise typer.Exit(2) from None
    except (LookupError, ValueError, VerifierError) as error:
        typer.echo(f"error: {error.args[-1] if error.args else error}", err=True)
        raise typer.Exit(2) from None


def _named(name: str) -> str:
    """The verifier's name; a file is made known first."""
    from verifiers import registry

    return registry.add(name) if ".py" in name else name


@app.command("list")
def list_verifiers(as_json: AsJson = False) -> None:
    """List all verifiers, built in and from plug-ins."""
    from verifiers import catalogue

    with _user_errors():
        entries = catalogue.entries()
    if as_json:
        typer.echo(json.dumps([entry.model_dump() for entry in entries], indent=2))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("name", "version", "runs", "from", "what it checks", box=None, header_style="bold")
    for entry in entries:
        about = f"[red]{escape(entry.error)}[/red]" if entry.error else escape(entry.summary)
        table.add_row(entry.name, entry.version, entry.isolation, entry.source, about)
    Console().print(table)


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show what a verifier checks, and the JSON Schemas of its reference and its parameters."""
    from verifiers import catalogue

    with _user_errors():
        found = catalogue.describe(_named(name))
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
        return
    typer.echo(f"{found.name} {found.version}  ({found.source}, runs {found.isolation})\n\n{found.description}")
    for title, schema in (("reference", found.reference), ("params", found.params)):
        typer.echo(f"\n{title}:\n{json.dumps(schema, indent=2, ensure_ascii=False)}")


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the verifier: small letters, digits, _.")],
    out: Annotated[Path | None, typer.Option(help="Folder to make; rlvr-NAME by default.")] = None,
) -> None:
    """Start a plug-in: an installable package with a verifier that works, and its test."""
    from verifiers import scaffold

    with _user_errors():
        folder = scaffold.write(name, out)
    typer.echo(
        f"{folder}: edit {scaffold.module_of(name)}.py, then\n  pip install -e {folder}\n  rlvr verifiers check {name}"
    )


@app.command()
def check(name: Name, as_json: AsJson = False) -> None:
    """Check that a verifier keeps the contract that callers rely on. Exit 1 if it does not."""
    from verifiers import conformance

    with _user_errors():
        report = conformance.check(_named(name))
    if as_json:
        typer.echo(json.dumps(report.model_dump() | {"passed": report.passed}, indent=2))
    else:
        typer.echo(f"{report.verifier} {report.version}")
        for finding in report.findings:
            typer.echo(f"  {'ok    ' if finding.passed else 'FAILED'}  {finding.check:<20} {finding.detail}")
    raise typer.Exit(0 if report.passed else 1)


@app.command()
def bench(
    name: Name,
    cases: Annotated[Path | None, typer.Argument(metavar="[CASES]", help="JSONL; the examples by default.")] = None,
    probes: Annotated[bool, typer.Option(help="Try responses that solve nothing.")] = True,
    peer: Annotated[str | None, typer.Option(metavar="PYTHON", help="Interpreter with other graders.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure a verifier on labelled cases: accuracy, speed, hack probes, other graders beside it.

    A case is a JSON row {response, reference, score or correct, category?, params?}, or {gold, answer, equal,
    category?}. Exit 1 when a probe that solves nothing was paid, or when a verdict is an `error`.
    """
    import verifiers.bench as benches

    with _user_errors():
        name = _named(name)
        rows = benches.read_cases(cases) if cases else benches.from_examples(name)
        report = benches.bench(name, rows, probes, _peers(name, rows, peer))
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        from rlvr.commands.bench_tables import print_report

        print_report(report)
    raise typer.Exit(1 if report.paid or report.total.errors else 0)


def _peers(name: str, rows: "Sequence[Case]", python: str | None) -> "list[Peer]":
    """Graders of mathematics, where the verifier is one and they are installed."""
    from verifiers.bench import peers

    if name != "math" or any(peers.answer_of(row.reference) is None for row in rows):
        return []
    found = peers.installed(python) if python else peers.installed()
    if python and not found:
        raise ValueError(f"{python} has none of {', '.join(peers.SCRIPTS)}; see `make .venv-peers/.ready`")
    return found
