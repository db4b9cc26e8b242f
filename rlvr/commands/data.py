"""`rlvr data RECIPE CONFIG`: make instruction data by a published recipe; see what is there and what came of it."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlvr.commands import datasets
from rlvr.commands.stages import ANY_OPTION, Config, DryRun, Overrides, user_errors
from rlvr.data.catalogue import RECIPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rlvr.data.cost import Bill
    from rlvr.data.run import Outcome

app = typer.Typer(help="Instruction data: the published recipes, from FLAN to Tulu 3.", no_args_is_help=True)

RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A recipe's run directory.")]
Local = Annotated[bool, typer.Option("--local", help="In this process, without Ray. The bytes are the same.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def _command(name: str, about: str) -> Callable[..., None]:
    def command(config: Config, overrides: Overrides = None, dry_run: DryRun = False, local: Local = False) -> None:
        with user_errors():
            from rlvr.data.cost import predicted
            from rlvr.data.make import make
            from rlvr.data.recipe import load as load_recipe
            from rlvr.settings import load

            recipe = load_recipe(name)
            settings = load.load(recipe.Config, Path(config), overrides or [])
            if dry_run:
                typer.echo(load.dump(settings), nl=False)
                _print_bills("predicted", predicted(recipe(settings)))
                return
            _report(settings.out, make(recipe, settings, local, tell=partial(typer.echo, err=True)))

    command.__doc__ = about
    return command


for _name, (_, _about) in RECIPES.items():
    app.command(_name, context_settings=ANY_OPTION)(_command(_name, _about))
datasets.add_to(app)


def _report(out: Path, outcome: "Outcome") -> None:
    from rlvr.errors import WorkFailed

    _print_manifest(out, outcome.manifest)
    if outcome.unanswered is not None:
        raise WorkFailed(f"not complete: {outcome.unanswered}; what is there was written, the same command goes on")


@app.command("list")
def list_recipes(as_json: JsonOption = False) -> None:
    """The recipes, in the order in which they were published."""
    if as_json:
        typer.echo(json.dumps({name: about for name, (_, about) in RECIPES.items()}))
        return
    width = max(map(len, RECIPES), default=0)
    for name, (_, about) in RECIPES.items():
        typer.echo(f"{name:{width}}  {about}")


@app.command()
def status(run: RunArgument, as_json: JsonOption = False) -> None:
    """How far a run is: finished rounds, records kept, and records rejected by reason."""
    with user_errors():
        from rlvr.data.status import status as of_run

        found = of_run(run)
        if as_json:
            typer.echo(json.dumps(found))
        else:
            _print_manifest(run, found)


@app.command()
def cost(run: RunArgument, as_json: JsonOption = False) -> None:
    """What a run was expected to cost, what it has cost by teacher, and what each kept record has cost."""
    with user_errors():
        from rlvr.data.cost import Bill, of_run

        found = of_run(run)
        if as_json:
            typer.echo(json.dumps(found))
            return
        for kind in ("predicted", "spent"):
            _print_bills(kind, {role: Bill(**row) for role, row in found[kind].items()})
        each = found["dollars_per_record"]
        typer.echo(f"{found['records']:,} records kept" + (f", ${each:.6f} each" if each is not None else ""))


def _print_bills(kind: str, bills: "Mapping[str, Bill]") -> None:
    for role, bill in bills.items():
        failed = f"{bill.failed:,} failed, {bill.lost:,} lost, " if bill.failed or bill.lost else ""
        typer.echo(
            f"{kind:9} {role}: ${bill.dollars:.4f}, {bill.answers:,} answers, {failed}{bill.input_tokens:,} tokens in, "
            f"{bill.output_tokens:,} out{' (estimated)' if bill.estimated else ''}"
        )


def _print_manifest(out: Path, manifest: dict[str, Any]) -> None:
    complete = "complete" if manifest["complete"] else "not complete"
    typer.echo(f"{out}: {manifest['recipe']}, version {manifest['version']}, {complete}")
    rejected = sum(manifest["rejected"].values())
    answers = f"  answers {manifest['answers']:,}" if manifest.get("answers") else ""
    typer.echo(f"rounds {manifest['rounds']:,}  kept {manifest['kept']:,}  rejected {rejected:,}{answers}")
    for reason, count in sorted(manifest["rejected"].items(), key=lambda item: -item[1]):
        typer.echo(f"  {count:>9,}  {reason}")
    for name, file in manifest.get("files", {}).items():
        typer.echo(f"{out / name}.jsonl: {file['records']:,} records")
