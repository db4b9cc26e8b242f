"""`rlvr verifiers`: which verifiers are installed, and what each of them reads."""

import json
from typing import Annotated

import typer

app = typer.Typer(help="Installed verifiers: list, show.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_verifiers(as_json: AsJson = False) -> None:
    """List all verifiers, built in and from plug-ins."""
    from verifiers import catalogue

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
def show(name: Annotated[str, typer.Argument(metavar="NAME")], as_json: AsJson = False) -> None:
    """Show what a verifier checks, and the JSON Schemas of its reference and its parameters."""
    from verifiers import VerifierError, catalogue

    try:
        found = catalogue.describe(name)
    except (LookupError, VerifierError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
        return
    typer.echo(f"{found.name} {found.version}  ({found.source}, runs {found.isolation})\n\n{found.description}")
    for title, schema in (("reference", found.reference), ("params", found.params)):
        typer.echo(f"\n{title}:\n{json.dumps(schema, indent=2, ensure_ascii=False)}")
