"""`rlvr submit STAGE CONFIG` runs a stage as a Ray job; `rlvr jobs` lists, follows and stops them."""

import os
from typing import Annotated, Any

import typer

from rlvr.commands.stages import Overrides, Resume, read, user_errors

Address = Annotated[str | None, typer.Option(help="Job server, as http://HOST:8265; RAY_ADDRESS by default.")]
Job = Annotated[str, typer.Argument(metavar="JOB", help="As `rlvr jobs list` shows it.")]

app = typer.Typer(help="Ray jobs: list, follow, stop.", no_args_is_help=True)


def submit(
    stage: Annotated[str, typer.Argument(help="sft, dpo, rl, eval or pipeline.")],
    config: Annotated[str, typer.Argument(help="TOML file.")],
    overrides: Overrides = None,
    address: Address = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the log and end as the job ends.")] = False,
    resume: Resume = False,
) -> None:
    """Check a configuration here, then run its stage as a Ray job."""
    with user_errors():
        from rlvr import jobs
        from rlvr.config import STAGES
        from rlvr.planning import plan
        from rlvr.settings import load

        if stage not in STAGES:
            raise load.ConfigError(f"stage: expected one of {', '.join(STAGES)}, got {stage!r}")
        settings: Any = read(stage, config, overrides)
        plan.check(settings, resume, here=False)
        settings = settings.model_copy(update={"out": settings.out.absolute()})
        typer.echo(plan.arithmetic(settings))
        client = jobs.connect(_address(address))
        command = [stage, "env:RLVR_CONFIG", *(["--resume"] if resume else [])]
        job = jobs.submit(client, command, {"stage": stage, "out": str(settings.out)}, load.dump(settings))
        typer.echo(job)
        if wait:
            jobs.follow(client, job)


@app.command("list")
def list_jobs(address: Address = None) -> None:
    """Every job of the cluster that rlvr submitted, newest last."""
    with user_errors():
        from rlvr import jobs

        for line in jobs.listed(jobs.connect(_address(address))):
            typer.echo(line)


@app.command()
def follow(job: Job, address: Address = None) -> None:
    """Copy a job's log until it ends; exit as it ends."""
    with user_errors():
        from rlvr import jobs

        jobs.follow(jobs.connect(_address(address)), job)


@app.command()
def stop(job: Job, address: Address = None) -> None:
    """Ask a job to stop."""
    with user_errors():
        from rlvr import jobs

        jobs.stop(jobs.connect(_address(address)), job)


def _address(given: str | None) -> str:
    from rlvr.settings.load import ConfigError

    address = given or os.environ.get("RAY_API_SERVER_ADDRESS") or os.environ.get("RAY_ADDRESS")
    if not address or not address.startswith("http"):
        came = repr(address) if address else "nothing; give it here, or as RAY_ADDRESS"
        raise ConfigError(f"--address: expected a job server such as http://127.0.0.1:8265, got {came}")
    return address
