"""`rlvr verify`: JSONL rows in, JSONL verdicts out, in order. Every row is checked before the first one is judged."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from verifiers import Grader, Item, Verdict

MOST_FAULTS = 10
"""Faults of the input that are printed; more would only scroll the first away."""


def verify(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="JSONL rows; `-` or nothing: stdin.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes; one a CPU by default.")] = None,
) -> None:
    """Judge JSONL rows {id, verifier, response, reference, params?}: one verdict a row, in order.

    Exit 0 when every row has a verdict, 1 if any is `error`, 2 if a row, a verifier's name or a reference is invalid.
    """
    from verifiers import Grader

    with Grader(workers=workers) as grader:
        items = _checked(grader, _read(file))
        out = sys.stdout
        with contextlib.redirect_stdout(sys.stderr):  # a verifier that prints must not do so among the verdicts
            errors = asyncio.run(_judge(grader, items, lambda verdict: out.write(verdict.model_dump_json() + "\n")))
            out.flush()
    if errors:
        typer.echo(f"error: {errors} of {len(items)} rows could not be judged; their `reason` says why", err=True)
        raise typer.Exit(1)


def _read(file: Path | None) -> Iterator[tuple[int, bytes]]:
    """Line numbers, from 1, and lines that are not blank."""
    try:
        content = sys.stdin.buffer.read() if file is None or str(file) == "-" else file.read_bytes()
    except OSError as error:
        typer.echo(f"error: cannot read {file}: {error.strerror}", err=True)
        raise typer.Exit(2) from None
    return ((number, line) for number, line in enumerate(content.split(b"\n"), 1) if line.strip())


def _checked(grader: "Grader", lines: Iterator[tuple[int, bytes]]) -> "list[Item]":
    """The rows as items. Ends the command with exit 2, one line a fault, when any row cannot be judged."""
    from verifiers import VerifierError

    items: list[Item] = []
    faults: list[str] = []
    for number, line in lines:
        try:
            item = _item(line)
            grader.check(item.verifier, item.reference, item.params)
            items.append(item)
        except (ValueError, LookupError, VerifierError) as error:
            faults.append(f"error: line {number}: {error}")
    for fault in faults[:MOST_FAULTS]:
        typer.echo(fault, err=True)
    if len(faults) > MOST_FAULTS:
        typer.echo(f"error: and {len(faults) - MOST_FAULTS} more lines", err=True)
    if faults:
        raise typer.Exit(2)
    return items


def _item(line: bytes) -> "Item":
    """One row. Raises ValueError with one line that says what is wrong with it."""
    from pydantic import ValidationError

    from verifiers.call import Row, problems

    class NamedRow(Row):
        id: str

    try:
        row = json.loads(line)
        if not isinstance(row, dict):
            raise ValueError(f"expected {{id, verifier, response, reference, params?}}, got {type(row).__name__}")
        return NamedRow.model_validate(row).item()
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at column {error.colno}") from None
    except ValidationError as error:
        raise ValueError(f"{problems(error)}; a row is {{id, verifier, response, reference, params?}}") from None


async def _judge(grader: "Grader", items: "list[Item]", write: "Callable[[Verdict], object]") -> int:
    """Write the verdicts in the rows' order, each as soon as those before it are there; the number of errors."""
    errors = 0
    with _progress(len(items)) as advance:
        async for verdict in _in_order(grader.completed(items)):
            errors += verdict.status == "error"
            write(verdict)
            advance()
    return errors


async def _in_order(completed: "AsyncIterator[tuple[int, Verdict]]") -> "AsyncIterator[Verdict]":
    early: dict[int, Verdict] = {}
    due = 0
    async for index, verdict in completed:
        early[index] = verdict
        while due in early:
            yield early.pop(due)
            due += 1


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """A bar on stderr for somebody who watches, and whose verdicts go elsewhere."""
    if sys.__stdout__ is None or sys.__stdout__.isatty() or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("verify", total=total)
        yield lambda: bar.advance(task)
