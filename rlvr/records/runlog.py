"""The record of a stage as it runs: `metrics.jsonl` in its run directory, and one line a step for whoever watches."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from rlvr.records.trackers import Tracker

SHOWN = ("reward", "validation/accuracy", "loss", "entropy", "tokens_per_s")


class RunLog:
    """Rows `{"step", "seconds", ...}`, after an interrupted run's with `resume`. Readable while it is written."""

    def __init__(self, out: Path, stage: str, total: int, resume: bool = False, also: Tracker | None = None) -> None:
        """`also` is told the same numbers, and is closed with this."""
        out.mkdir(parents=True, exist_ok=True)
        self._also = also
        self.stage, self.total = stage, total
        self._file = (out / "metrics.jsonl").open("a+" if resume else "w+")
        if self._file.tell() and not (out / "metrics.jsonl").read_bytes().endswith(b"\n"):
            self._file.write("\n")  # a killed run left half a line; what follows must not be glued to it
        self._start = time.monotonic()

    def __call__(self, step: int, metrics: dict[str, float]) -> None:
        row = {"step": step, "total": self.total, "seconds": round(time.monotonic() - self._start, 2), **metrics}
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()
        if self._also:
            self._also.log(step, metrics)
        shown = "  ".join(f"{key} {metrics[key]:.4g}" for key in SHOWN if key in metrics)
        sys.stdout.write(f"{self.stage} {step}/{self.total}  {shown}\n")
        sys.stdout.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if self._also:
            self._also.close()


def cut(out: Path, step: int) -> None:
    """Take away the rows after a step, which is about to be gone on from."""
    kept = [row for row in read(out) if row["step"] <= step]
    aside = out / ".metrics.jsonl"
    aside.write_text("".join(json.dumps(row) + "\n" for row in kept))
    aside.replace(out / "metrics.jsonl")


def read(out: Path) -> Iterator[dict[str, Any]]:
    """The rows so far; none when the stage has not begun."""
    path = out / "metrics.jsonl"
    if not path.exists():
        return
    for line in path.read_text().splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue
