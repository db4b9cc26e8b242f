"""`rlvr config`: see, check and start configurations. A file says its stage at the top: `stage = "rl"`."""

import json
from contextlib import nullcontext
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from pydantic import BaseModel

app = typer.Typer(help="Configurations: show, validate, schema, init.", no_args_is_help=True)

OVERRIDES = {"ignore_unknown_options": True}
"""So that `--optim.lr 1e-6` reaches the loader like `optim.lr=1e-6`."""

ConfigArgument = Annotated[
    Path, typer.Argument(metavar="CONFIG", help="A TOML file, env:NAME, or the name of a shipped recipe.")
]
OverrideArguments = Annotated[list[str] | None, typer.Argument(metavar="[a.b=c ...]", help="Keys set on top of it.")]


@app.command(context_settings=OVERRIDES)
def show(config: ConfigArgument, overrides: OverrideArguments = None) -> None:
    """Print the whole configuration as TOML, overrides and defaults filled in."""
    from rlvr.settings.load import dump

    typer.echo(dump(resolve(config, overrides or [])), nl=False)


@app.command(context_settings=OVERRIDES)
def validate(config: ConfigArgument, overrides: OverrideArguments = None) -> None:
    """Exit 0 when the configuration is right, 2 with one line a fault when it is not."""
    resolved = resolve(config, overrides or [])
    typer.echo(f"{config}: a valid {type(resolved).model_fields['stage'].default!r} configuration")


@app.command()
def schema(stage: Annotated[str, typer.Argument(metavar="STAGE", help="sft, dpo, rl, ...")]) -> None:
    """Print the JSON Schema of a stage's configuration, for editors that complete and check TOML."""
    from rlvr.config import STAGES

    if stage not in STAGES:
        _fail(f"no stage {stage!r}; expected one of {', '.join(STAGES)}")
    typer.echo(json.dumps(STAGES[stage].model_json_schema(), indent=2))


@app.command()
def init(
    recipe: Annotated[
        str | None, typer.Argument(metavar="[RECIPE]", help="A shipped recipe; all are listed without.")
    ] = None,
    path: Annotated[Path | None, typer.Argument(help="Where to; RECIPE.toml by default.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Copy a shipped recipe, to be changed and run."""
    shipped = recipes()
    if recipe is None:
        for name, file in shipped.items():
            about = file.read_text(encoding="utf-8").partition("\n")[0]
            typer.echo(f"{name:20}  {about.removeprefix('#').strip() if about.startswith('#') else ''}".rstrip())
        return
    if recipe not in shipped:
        _fail(f"no recipe {recipe!r}; shipped are {', '.join(shipped)}")
    target = path or Path(f"{recipe}.toml")
    target = target / f"{recipe}.toml" if target.is_dir() else target
    if target.exists() and not force:
        _fail(f"{target} exists; give another path, or --force")
    try:
        target.write_text(shipped[recipe].read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as error:
        _fail(f"{target}: cannot be written: {error.strerror}")
    typer.echo(str(target))


def resolve(config: Path, overrides: list[str]) -> "BaseModel":
    """The configuration of the stage that the file names. Ends the command with exit 2 when there is a fault."""
    from rlvr.commands.stages import settings_in
    from rlvr.config import STAGES
    from rlvr.settings.load import ConfigError
    from rlvr.settings.load import validate as validated

    shipped = recipes().get(str(config))
    try:
        with resources.as_file(shipped) if shipped and not config.exists() else nullcontext(config) as path:
            data = settings_in(str(path))
        if data.get("stage") not in list(STAGES):
            came = f"got {data['stage']!r}" if "stage" in data else "it is missing"
            raise ConfigError(f"{config}: stage: expected one of {', '.join(map(repr, STAGES))}; {came}")
        return validated(STAGES[data["stage"]], data, overrides, source=str(config))
    except ConfigError as error:
        _fail(*error.problems)


def recipes() -> "dict[str, Traversable]":
    """Shipped configurations by name."""
    files = sorted(resources.files("rlvr").joinpath("recipes").iterdir(), key=lambda file: file.name)
    return {file.name.removesuffix(".toml"): file for file in files if file.name.endswith(".toml")}


def _fail(*problems: str) -> NoReturn:
    for problem in problems:
        typer.echo(f"error: {problem}", err=True)
    raise typer.Exit(2)
