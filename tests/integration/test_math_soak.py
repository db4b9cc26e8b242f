"""10,000 hostile answers in a row through one grader: no hang, no leak, no lost worker, no false verdict."""

import asyncio
import os
import random
import time
from pathlib import Path

import pytest

from verifiers import Grader, Item

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

COUNT = int(os.environ.get("RLVR_SOAK", "10000"))
SLOWEST_S = 2.0
"""For one answer that has the machine to itself."""

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


def resident_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def patience() -> float:
    """How much longer the wall clock runs while others use the machine."""
    return max(1.0, os.getloadavg()[0] / len(os.sched_getaffinity(0)))


def test_ten_thousand_hostile_answers():
    items = [Item(str(n), "math", text, "31337") for n, text in enumerate(answers(0))]
    with Grader(workers=2, cache_size=0) as grader:
        asyncio.run(grader.grade_many(items[:500]))  # caches, imports, workers
        before, files, killed = resident_mb(), open_files(), grader.stats().workers.killed
        overdue = 0
        for start in range(0, COUNT, 500):
            batch = items[start : start + 500]
            verdicts = asyncio.run(grader.grade_many(batch))
            assert [verdict.id for verdict in verdicts] == [item.id for item in batch]
            assert {verdict.status for verdict in verdicts} <= {"incorrect", "no_answer", "undecided"}
            overdue += sum(verdict.reason == "time_limit" for verdict in verdicts)
        stats = grader.stats()
        assert (stats.waiting, stats.running) == (0, 0)
        assert stats.workers.died == 0
        assert stats.workers.killed - killed == overdue
        assert stats.workers.started - stats.workers.killed <= 2
        assert resident_mb() - before < 64
        assert open_files() - files <= 4
        assert grader.grade_sync(Item("", "math", "\\boxed{\\int_0^1 x dx}", "1/2")).status == "correct"


@pytest.fixture(scope="module")
def grader():
    """With a worker that is there."""
    with Grader(workers=1, cache_size=0) as running:
        running.grade_sync(Item("", "math", "\\int_0^1 x dx", "2"))
        yield running


@pytest.mark.parametrize("text", TOWERS + COMBINATORICS + SYMBOLIC)
def test_each_is_judged_within_two_seconds(text, grader):
    start = time.perf_counter()
    verdict = grader.grade_sync(Item("", "math", f"\\boxed{{{text}}}", "31337"))
    assert verdict.status in ("incorrect", "no_answer", "undecided")
    assert time.perf_counter() - start <= SLOWEST_S * patience()


@pytest.mark.parametrize("shape", range(len(SHAPES)))
def test_each_shape_is_judged_within_two_seconds(shape, grader):
    for size in (10, 100, 1000, 10_000, 100_000):
        start = time.perf_counter()
        verdict = grader.grade_sync(Item("", "math", SHAPES[shape](size), "31337"))
        assert verdict.status in ("incorrect", "no_answer", "undecided")
        assert time.perf_counter() - start <= SLOWEST_S * patience()
