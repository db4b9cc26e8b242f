"""`rlvr view`: pages over runs, from curves to a single verification; `rlvr runs`: the same list in a terminal."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from rlvr.commands.stages import user_errors

RUNS = typer.Argument(metavar="[RUNS]", help="A run directory, or a folder that holds some.")
Runs = Annotated[Path, RUNS]


def view(
    runs: Runs = Path("runs"),
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8100,
    api_key_file: Annotated[Path | None, typer.Option(help="Keys, one a line; a reader gives one as password.")] = None,
) -> None:
    """Serve pages that show runs, finished or still going on. On loopback only, unless there are keys."""
    with user_errors("view"):
        import uvicorn

        from rlvr.commands.listening import address, free_port, keys_for
        from rlvr.view.app import create_app

        keys = keys_for(host, api_key_file)
        app = create_app(_folder(runs), [key.secret for key in keys], ["localhost", "127.0.0.1", "::1", host])
        port = free_port(host, port)
        typer.echo(f"rlvr view of {runs} on {address(host, port)}  (Ctrl+C ends it)")
        uvicorn.run(app, host=host, port=port, access_log=False, log_level="warning", server_header=False)


def list_runs(
    runs: Runs = Path("runs"), as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False
) -> None:
    """List the runs below a folder, newest first: how far they have come and what they reached."""
    with user_errors("view"):
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        from rlvr.view import figures
        from rlvr.view.runs import listed

        found = listed(_folder(runs))
        if as_json:
            for run in found:
                typer.echo(json.dumps(asdict(run) | {"path": str(run.path), "state": run.state}))
            return
        if not found:
            typer.echo(f"no runs below {runs}")
            return
        table = Table(box=None, pad_edge=False)
        for name in ("run", "state", "stages"):
            table.add_column(name, overflow="fold")
        for name in ("step", "reward", "validation", "held-out", "seed", "changed"):
            table.add_column(name, justify="right", no_wrap=True)
        for run in found:
            step = f"{run.step:,.0f}" + (f"/{run.total:,.0f}" if run.total else "") if run.step is not None else ""
            shares = ("" if value is None else figures.percent(value) for value in (run.validation, run.accuracy))
            reward = "" if run.reward is None else figures.number(run.reward)
            seed = "" if run.seed is None else str(run.seed)
            cells = (run.name, run.state, run.stages, step, reward, *shares, seed, figures.ago(run.changed))
            table.add_row(*map(Text, cells))  # a name in brackets is a name, no colour
        Console().print(table)


def _folder(path: Path) -> Path:
    from rlvr.errors import UserError
    from rlvr.view.run import sure

    if not sure(path.is_dir):
        raise UserError(f"{path}: no such folder; give a run directory or a folder that holds some, such as runs")
    return path
