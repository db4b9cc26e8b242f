"""What a person sees while a pipeline runs, and the table at its end."""

import json
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from rlvr.records import runlog

QUIET_S = 10.0
"""Where nobody watches a terminal, a line is printed this often."""


class Display:
    """Follows `metrics.jsonl` of the stage that runs. On a terminal a bar a stage, elsewhere a line now and then."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[stage]:<6}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("{task.fields[numbers]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self.bars: dict[str, Any] = {}
        self.printed = 0.0
        self.stage = ""

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def watch(self, stage: str, folder: Path) -> None:
        rows = list(runlog.read(folder)) if stage != "tasks" else []
        last = rows[-1] if rows else {"step": 0, "total": None}
        numbers = _numbers(rows)
        if stage not in self.bars:
            self.bars[stage] = self.progress.add_task(stage, stage=stage, numbers="starting", total=None)
        if rows:
            self.progress.update(self.bars[stage], completed=last["step"], total=last["total"], numbers=numbers)
        if not self.console.is_terminal and (stage != self.stage or time.monotonic() - self.printed > QUIET_S):
            self.printed = time.monotonic()
            self.console.print(
                f"{stage:<6} {last['step']}/{last['total'] or '?'}  {numbers or 'starting'}", markup=False
            )
        self.stage = stage


def _numbers(rows: list[dict[str, Any]]) -> str:
    """The newest value of each of the few figures worth watching."""
    shown = {}
    for name, label, form in (
        ("reward", "reward", "{:.2f}"),
        ("validation/accuracy", "validation", "{:.1%}"),
        ("loss", "loss", "{:.3f}"),
        ("tokens_per_s", "tokens/s", "{:,.0f}"),
    ):
        values = [row[name] for row in rows if name in row]
        if values:
            shown[label] = form.format(values[-1])
    return "  ".join(f"{label} {value}" for label, value in shown.items())


def table(summary: dict[str, Any]) -> Table:
    """Held-out accuracy by stage and family."""
    stages = summary["stages"]
    families = sorted({name for scores in stages.values() for name in scores["families"]})
    title = f"Held-out accuracy, greedy (seed {summary['seed']}, {summary['seconds']:.0f} s)"
    result = Table(title=title, title_justify="left")
    result.add_column("stage")
    for name in ["all", *families]:
        result.add_column(name, justify="right")
    for stage, scores in stages.items():
        values = [scores["accuracy"], *(scores["families"].get(name) for name in families)]
        result.add_row(escape(stage), *("-" if value is None else f"{value:.1%}" for value in values))
    return result


def read_summary(out: Path) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((out / "summary.json").read_text())
    return summary
