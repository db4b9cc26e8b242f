"""10,000 hostile answers in a row through one grader: no hang, no leak, no lost worker, no false verdict."""

import asyncio
import random
import time
from pathlib import Path

import pytest

from verifiers import Grader, Item

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

COUNT = 10_000
SLOWEST_S = 2.0
"""Of CPU or waiting for one answer, with room for a busy machine."""

TOWERS = [
    "9**9**9",
    "9^{9^{9^9}}",
    "2^{2^{2^{2^{2^2}}}}",
    "(5!)!!",
    "99999999!",
    "10^{10^{10}}!",
    "(((9!)!)!)!",
    "1e999999999",
]
COMBINATORICS = ["\\binom{10^9}{5\\cdot 10^8}", "\\sum_{k=1}^{10^9} k^2", "\\prod_{k=1}^{1000} \\sin k"]
SYMBOLIC = [
    "\\int_0^{\\infty} \\frac{\\sin(x^2)}{x^3+1} dx",
    "\\int_0^1 \\frac{\\ln(1+x^{2+\\sqrt{3}})}{1+x} dx",
    "\\sum_{n=1}^{\\infty} \\frac{1}{n^3+n+1}",
    "\\sum_{n=1}^{\\infty} \\frac{\\sin n}{n^2}",
    "\\lim_{x\\to 0} \\frac{\\sin(\\tan x)-\\tan(\\sin x)}{x^7}",
    "\\prod_{k=1}^{n} (1+\\frac{1}{k^3})",
    "\\int x^x dx",
]
SHAPES = [
    lambda n: "\\frac{1}{" * n + "x" + "}" * n,
    lambda n: "(" * n + "1" + ")" * n,
    lambda n: "\\sqrt{" * n + "2" + "}" * n,
    lambda n: "9" * (10 * n),
    lambda n: "x^{" * n + "x" + "}" * n,
    lambda n: "\\boxed{" * n,
    lambda n: "\\boxed{3} " * n,
    lambda n: "x+" * n + "x",
    lambda n: "(x+1)" * n,
    lambda n: "\\{" * n + "1" + "\\}" * n,
    lambda n: "-" * n + "1",
    lambda n: "1," * n + "1",
    lambda n: "\\begin{pmatrix}" + "&".join(["1"] * n) + "\\end{pmatrix}",
    lambda n: "|" * n + "x" + "|" * n,
    lambda n: "word " * n,
    lambda n: "$" * n,
    lambda n: "the answer is " * n,
    lambda n: "x^17+y^13" * n,
    lambda n: "\\pm" * n + "1",
    lambda n: "(\\sin x)^{2}+" * min(n, 40) + "1",
    lambda n: "\u0305" * n + "½" * n,
    lambda n: "{" * n + "}" * n,
    lambda n: "\\\\" * n,
]


def answers(seed: int) -> list[str]:
    """Hostile forms of random size, alone, in boxes, and put together."""
    draw = random.Random(seed)
    found = []
    while len(found) < COUNT:
        kind = draw.random()
        if kind < 0.25:
            text = draw.choice(TOWERS + COMBINATORICS)
        elif kind < 0.27:
            text = draw.choice(SYMBOLIC)
        else:
            text = draw.choice(SHAPES)(draw.choice([1, 3, 10, 50, 200, 1000, 5000]))
        if draw.random() < 0.3:
            text = f"{text} {draw.choice(['+', '=', ',', 'or', '<', '!', '^'])} {draw.choice(TOWERS)}"
        found.append(f"\\boxed{{{text}}}" if draw.random() < 0.5 else text)
    return found


def resident_mb(pid: int) -> float:
    return next(
        int(line.split()[1]) / 1024
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("VmRSS")
    )


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_ten_thousand_hostile_answers():
    items = [Item(str(n), "math", text, "31337") for n, text in enumerate(answers(0))]
    with Grader(workers=2, cache_size=0) as grader:
        asyncio.run(grader.grade_many(items[:500]))  # caches, imports, workers
        import os

        before, files = resident_mb(os.getpid()), open_files()
        slowest = 0.0
        for start in range(0, COUNT, 500):
            verdicts = asyncio.run(grader.grade_many(items[start : start + 500]))
            assert [verdict.id for verdict in verdicts] == [item.id for item in items[start : start + 500]]
            assert {verdict.status for verdict in verdicts} <= {"incorrect", "no_answer", "undecided"}
            slowest = max(slowest, *(verdict.elapsed_ms / 1e3 for verdict in verdicts))
        stats = grader.stats()
        assert (stats.waiting, stats.running) == (0, 0)
        assert stats.workers.died == 0
        assert stats.workers.started - stats.workers.killed <= 4  # every one that was killed, and nothing else
        assert slowest <= SLOWEST_S
        assert resident_mb(os.getpid()) - before < 64
        assert open_files() - files <= 4
        start = time.monotonic()
        assert grader.grade_sync(Item("", "math", "\\boxed{\\int_0^1 x dx}", "1/2")).status == "correct"
        assert time.monotonic() - start < 10
