"""One optimizer step on ragged rollouts beside TRL's GRPOTrainer: trained tokens a second, and memory over the model's.

    python tests/bench/bench_learner.py

Rates come from steps that take turns in one process on one thread, as quotients of CPU time; memory from a fresh
process each, as the most that was resident in a step less what was before it. Both do the same step, which the norms
of their gradients show.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch
from transformers.utils.logging import disable_progress_bar

from measure import report
from ragged import build, lengths, ours, rollouts, theirs

ROUNDS = 8
LONGEST = 200
SHAPES = {"vocabulary 512": (512, 128, 2, 64), "vocabulary 32k": (32768, 64, 2, 16)}
"""Vocabulary, hidden size, layers, and responses a step."""
WIDE = 512
"""Tokens of the longest response that memory is measured on."""
CASES = {"512 tokens": ([WIDE, WIDE], 1), "ragged": (lengths(16, WIDE), 4)}
"""Lengths of responses, and how many of the longest go through the model at once."""


def main() -> None:
    if len(sys.argv) > 1:
        print(json.dumps(memory(sys.argv[1], sys.argv[2])))
        return
    figures = {}
    for name, shape in SHAPES.items():
        figures |= {f"{name}, {what}": value for what, value in speed(*shape).items()}
    for case in CASES:
        mine, other = (fresh(kind, case) for kind in ("ours", "theirs"))
        found = {"extra MiB": mine, "TRL's extra MiB": other, "share of TRL's %": 100 * mine / other}
        figures |= {f"{case}, {what}": value for what, value in found.items()}
    report("learner", figures)


def speed(vocabulary: int, hidden: int, layers: int, count: int) -> dict[str, float]:
    """Trained tokens a CPU second of both, and their quotient; rounds take turns."""
    prepare()
    sizes, rows = lengths(count, LONGEST), count // 4
    samples = rollouts(sizes, vocabulary)
    with TemporaryDirectory() as name:
        model = build(Path(name), vocabulary, hidden, layers, LONGEST)
        steps = ours(model, samples, LONGEST, rows), theirs(model, samples, LONGEST, rows, Path(name) / "trl")
        norms = [step() for step in steps]
        if abs(norms[0] / norms[1] - 1) > 1e-3:
            sys.exit(f"the two do not take the same step: gradient norms of {norms[0]} and {norms[1]}")
        seconds = [[cpu(step) for step in steps] for _ in range(ROUNDS)]
    mine, other = (sum(sizes) / median(column) for column in zip(*seconds, strict=True))
    return {
        "tokens/s": mine,
        "TRL's tokens/s": other,
        "quotient": median(theirs / ours for ours, theirs in seconds),
        "fill %": 100 * sum(sizes) / (count * LONGEST),
    }


def cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def prepare() -> None:
    torch.set_num_threads(1)
    disable_progress_bar()


def fresh(kind: str, case: str) -> float:
    """MiB, from a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, kind, case], capture_output=True, text=True, check=True, timeout=600
    )
    return float(json.loads(done.stdout.splitlines()[-1]))


def memory(kind: str, case: str) -> float:
    """MiB that a step takes at its height beyond what model, optimizer and libraries hold before it."""
    prepare()
    vocabulary, hidden, layers, _ = SHAPES["vocabulary 32k"]
    sizes, rows = CASES[case]
    samples = rollouts(sizes, vocabulary)
    with TemporaryDirectory() as name:
        model = build(Path(name), vocabulary, hidden, layers, WIDE)
        if kind == "ours":
            step = ours(model, samples, WIDE, rows)
        else:
            step = theirs(model, samples, WIDE, rows, Path(name) / "trl")
        before = status("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
        step()
        return (status("VmHWM") - before) / 1024


def status(field: str) -> int:
    """KiB, as the kernel counts them."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(field)))


if __name__ == "__main__":
    main()
