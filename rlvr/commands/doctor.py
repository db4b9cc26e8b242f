"""`rlvr doctor`: what this machine has, what it lacks, and what to do about it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

MARKS = {"ok": "ok  ", "note": "note", "bad": "BAD "}


def doctor(
    out: Annotated[Path, typer.Option(help="Where runs will be written.")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Look at Python, packages, sandbox, memory, disk, ports and GPU. Exit 1 when something would stop a run."""
    from rlvr.planning.doctor import examine

    bad = False
    for finding in examine(out):
        bad = bad or finding.state == "bad"
        if as_json:
            typer.echo(json.dumps(asdict(finding)))
            continue
        typer.echo(f"{MARKS[finding.state]}  {finding.name:<14}{finding.found}")
        if finding.advice:
            typer.echo(f"{'':20}{finding.advice}")
    if bad:
        raise typer.Exit(1)
