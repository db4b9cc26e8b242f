"""`rlvr sft | dpo | rl | eval | pipeline CONFIG`: read the configuration, check it, and run the stage."""

import os
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rlvr.config import Section

CONFIG = typer.Argument(help="TOML file, or env:NAME for a variable that holds TOML.")
OVERRIDES = typer.Argument(help="Overrides such as optim.lr=1e-6; values are TOML.")
DRY_RUN = typer.Option("--dry-run", help="Check everything, print the plan, and stop.")
RESUME = typer.Option("--resume", help="Go on from where the run directory stands.")
ANY_OPTION = {"ignore_unknown_options": True, "allow_extra_args": True}

OURS = ("rlvr", "verifiers", "sandbox")
"""A missing module of these is our defect; any other is an extra that is not installed."""

Config = Annotated[str, CONFIG]
Overrides = Annotated[list[str] | None, OVERRIDES]
DryRun = Annotated[bool, DRY_RUN]
Resume = Annotated[bool, RESUME]


@contextmanager
def user_errors(extra: str = "train") -> "Iterator[None]":
    """The user's mistakes end with one line and exit 2, work that failed with its reason and exit 1.

    `extra` is the one that brings what may be missing.
    """
    from rlvr.errors import UserError, WorkFailed

    try:
        yield
    except UserError as error:
        _fail(str(error), 2)
    except WorkFailed as error:
        _fail(str(error), 1)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in OURS:
            raise
        _fail(f"this needs {error.name}, which is not installed: pip install 'rlvr[{extra}]'", 2)
    except KeyboardInterrupt:
        _fail("interrupted; --resume goes on from here", 1)


def _fail(message: str, code: int) -> None:
    for line in message.splitlines():
        typer.echo(f"error: {line}", err=True)
    # Ray and torch may hold threads that outlive an error; the output must be out before we go.
    sys.stderr.flush()
    raise typer.Exit(code)


def read(stage: str, config: str, overrides: list[str] | None) -> "Section":
    """The stage's configuration. Raises ConfigError."""
    from rlvr.config import STAGES
    from rlvr.settings import load

    return load.validate(STAGES[stage], settings_in(config), overrides or [], source=config)


def settings_in(config: str) -> dict[str, Any]:
    """What a file holds, or the variable that `env:NAME` names. Raises ConfigError."""
    from rlvr.settings import load

    if not config.startswith("env:"):
        return load.read(Path(config))
    name = config.removeprefix("env:")
    if name not in os.environ:
        raise load.ConfigError(f"{config}: no such environment variable")
    return load.parse(os.environ[name], config)


def _command(stage: str, about: str) -> Callable[..., None]:
    def command(config: Config, overrides: Overrides = None, dry_run: DryRun = False, resume: Resume = False) -> None:
        with user_errors():
            from rlvr import own_ray
            from rlvr.planning import plan

            own_ray.prepare()
            settings: Any = read(stage, config, overrides)
            plan.check(settings, resume)
            if dry_run:
                typer.echo(plan.describe(settings))
                return
            run_stage(settings, resume)

    command.__doc__ = about
    return command


def run_stage(settings: Any, resume: bool) -> None:
    """The stage itself; its imports are heavy and come last."""
    import importlib

    from rlvr.errors import disk_watched, make_folder
    from rlvr.planning import plan
    from rlvr.records import folder

    typer.echo(plan.arithmetic(settings))
    with disk_watched(settings.out):
        if settings.stage == "pipeline":
            run_pipeline(settings, None, resume)
            return
        make_folder(settings.out)
        with folder.sole_writer(settings.out):
            folder.keep(settings)
            name = {"eval": "evaluate", "reward-model": "reward_model"}.get(settings.stage, settings.stage)
            importlib.import_module(f"rlvr.stages.{name}").run(settings)
        from rlvr.view.report import write_report

        typer.echo(f"report: {write_report(settings.out)}")


def run_pipeline(settings: Any, address: str | None, resume: bool) -> None:
    """With a display, the table and the report at the end."""
    from rich.console import Console

    from rlvr.display import Display, table
    from rlvr.stages import pipeline
    from rlvr.view.report import write_report

    console = Console()
    with Display(console) as display:
        summary = pipeline.run(settings, address, resume, display.watch)
    if summary["stages"]:
        console.print(table(summary))
    typer.echo(f"report: {write_report(settings.out)}")


sft = _command("sft", "Supervised fine-tuning on demonstrations.")
dpo = _command("dpo", "Direct preference optimisation, on given pairs or on pairs that verifiers make.")
reward_model = _command("reward-model", "A reward model from preference pairs: what a PPO critic starts from.")
rl = _command("rl", "Reinforcement learning on checked rewards.")
evaluate = _command("eval", "Judge checkpoints on tasks.")
pipeline = _command("pipeline", "A chain of stages, each a Ray job.")
