"""How fast is a sandbox beside a bare `python -c`, on this machine, at this moment? Rounds of both are interleaved."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from sandbox.base import RunRequest, Sandbox, SandboxError

PLAIN = "print(1)"
IMPORTS = (
    "import bisect, collections, datetime, decimal, fractions, functools, heapq, itertools, json, math, random, re, "
    "string, sys, typing\nprint(1)"
)
"""The modules that programs of the field's data sets import most."""
_EXPECTED = "1\n"


class Pace(NamedTuple):
    """Speed of one way to run a program."""

    runs_per_s: float
    p50_ms: float
    p99_ms: float


class Comparison(NamedTuple):
    """A sandbox beside a bare subprocess, for one program at one concurrency."""

    program: str
    concurrency: int
    sandbox: Pace
    subprocess: Pace
    ratio: float
    """Sandboxed runs in the time of one bare run: the median over the rounds."""


def compare(sandbox: Sandbox, name: str, code: str, *, concurrency: int, rounds: int = 5, runs: int = 40) -> Comparison:
    """Time `rounds` rounds of `runs` bare and sandboxed runs in turn, `concurrency` at once."""

    def sandboxed() -> str:
        return sandbox.run(RunRequest("python", code)).stdout

    argv = [sys.executable, "-c", code]

    def bare() -> str:
        return subprocess.run(argv, capture_output=True, text=True, check=False, env=dict(os.environ)).stdout

    ours: list[tuple[float, list[float]]] = []
    theirs: list[tuple[float, list[float]]] = []
    with ThreadPoolExecutor(concurrency) as pool:
        _round(pool, sandboxed, 3 * concurrency)
        for _ in range(rounds):
            theirs.append(_round(pool, bare, runs))
            ours.append(_round(pool, sandboxed, runs))
    ratio = statistics.median(bare_s / our_s for (our_s, _), (bare_s, _) in zip(ours, theirs, strict=True))
    return Comparison(name, concurrency, _pace(ours), _pace(theirs), ratio)


def _round(pool: ThreadPoolExecutor, run: Callable[[], str], runs: int) -> tuple[float, list[float]]:
    def timed(_: int) -> float:
        start = time.perf_counter()
        output = run()
        if output != _EXPECTED:
            raise SandboxError(f"the benchmark's program printed {output!r} instead of {_EXPECTED!r}")
        return time.perf_counter() - start

    start = time.perf_counter()
    times = list(pool.map(timed, range(runs)))
    return time.perf_counter() - start, times


def _pace(rounds: Sequence[tuple[float, list[float]]]) -> Pace:
    times = sorted(each for _, times in rounds for each in times)
    return Pace(
        runs_per_s=len(times) / sum(total for total, _ in rounds),
        p50_ms=1000 * statistics.median(times),
        p99_ms=1000 * times[int(0.99 * len(times))],
    )
