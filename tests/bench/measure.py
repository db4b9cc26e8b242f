"""Time a hot path: figures for people, one line each, and as JSON in `runs/bench/` for comparing.

Figures depend on the machine and on what else it does, so the JSON names both, and nothing here passes or fails.
"""

import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "runs/bench"


def rate(work: Callable[[], int], seconds: float = 3.0) -> float:
    """Units a second of `work`, which says how many it did; called once to warm up, then again for so long."""
    work()
    start, done = time.perf_counter(), 0
    while (passed := time.perf_counter() - start) < seconds:
        done += work()
    return done / passed


def report(name: str, figures: dict[str, float]) -> None:
    """Figures by what they are and their unit, such as `math, verdicts/s`."""
    for what, value in figures.items():
        print(f"{name:<10} {what:<44} {value:>12,.1f}")
    machine = {"cpus": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0], "python": platform.python_version()}
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps({"figures": figures, "machine": machine}, indent=2) + "\n")
