"""`rlvr rescore RUN`: judge a run again, and say which rewards flip and which steps they fed."""

from pathlib import Path
from typing import Annotated

import typer

from rlvr.commands.journal import journal_of
from rlvr.commands.stages import user_errors

VERIFIER = typer.Option(
    metavar="[OLD=]NEW", help="Judge with NEW what OLD judged, or everything; repeatable. By default what is installed."
)


def rescore(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory with an RL stage, such as runs/demo.")],
    verifier: Annotated[list[str] | None, VERIFIER] = None,
    name: Annotated[str | None, typer.Option(help="Of the result, in RUN's rescores; numbered by default.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="About so many rollouts, spread over the run.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Verifier processes; one a CPU by default.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Judge every rollout of a run again, with newer verifiers or others, and show what that changes."""
    with user_errors(), journal_of(run) as journal:
        import asyncio

        from rlvr.errors import UserError, make_folder
        from rlvr.records import rescore as work
        from rlvr.view.rescored import FOLDER
        from verifiers import Grader

        folder = journal.parent / FOLDER
        make_folder(folder, "rescores")
        name = name or _next(folder)
        if not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
            raise UserError(f"--name: expected letters, digits and -_. only, got {name!r}")
        with Grader(workers=workers) as grader:
            instead = dict(_pair(text) for text in verifier or [])
            found = asyncio.run(work.rescore(journal, name, grader, instead, limit))
        if as_json:
            typer.echo(found.model_dump_json(indent=2))
            return
        seconds = f"{found.seconds:.1f} s"
        typer.echo(f"{found.judged:,} rollouts judged again in {seconds}: {found.flips:,} rewards would be others")
        for change in found.changes:
            typer.echo(f"  {change.count:7,}  {change.verifier} {change.before} -> {change.now} {change.after}")
        if found.steps:
            steps = f"{len(found.steps):,} step{'s' if len(found.steps) != 1 else ''}"
            worst = max(found.steps, key=lambda step: step.flips / step.trained)
            typer.echo(
                f"{found.trained_flips:,} of these were trained on, in {steps}; most in step {worst.step}: "
                f"{worst.flips} of {worst.trained}"
            )
        if found.errors:
            typer.echo(f"{found.errors:,} could not be judged again: the verifier failed, or cannot read the reference")
        typer.echo(f"{folder / name}.jsonl lists them; `rlvr view {run}` shows them")


def _next(folder: Path) -> str:
    taken = {file.stem for file in folder.glob("*.json")}
    return next(str(number) for number in range(1, len(taken) + 2) if str(number) not in taken)


def _pair(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    return (old, new) if equals else ("*", old)
