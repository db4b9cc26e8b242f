"""A run whose verifier fails 30% of the time for a while, beside one whose verifier does not.

    python tests/bench/failing.py RUN      (the run directory of `rlvr demo`)

A quarter of the way the verifier begins to fail, and after a while it stops. In the end every verdict in the journal is
asked for again from the sound verifier. It fails when a verdict differs, when a failure got a reward or was trained on,
when a run did not pause and go on, and when the accuracy on held-out tasks is more than 3 points lower: on average over
the seeds, for two runs without a failure differ by as much.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import runs
from failing_verifier import SWITCH, FailingVerifier
from verifiers import Grader, Item

POINTS = 3.0
STALLED_S = 600.0
RUN = """
stage = "rl"
seed = {seed}
model = "{demo}/sft/model"
out = "{out}"
steps = {steps}
prompts_per_step = 16
group_size = 8
refill = 1
evaluate_every = {steps}
checkpoint_every = {steps}
sampling = {{ max_tokens = 40 }}
tasks = {{ train = "{tasks}", validation = "{demo}/tasks/held_out.jsonl" }}
optim = {{ lr = 2e-4, warmup_steps = 5 }}
compute = {{ threads = 1 }}
"""


class Compared(NamedTuple):
    """A run with failures, beside one without."""

    delta: float
    """Points of accuracy."""
    pauses: float
    failed: int
    """Failures that no later try mended."""
    rewarded: int
    """Of these, how many count all the same."""
    invented: int
    """Verdicts that the sound verifier does not give."""
    judged: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("demo", type=lambda path: Path(path).absolute())
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=80)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long the verifier fails")
    parser.add_argument("--out", type=Path, default=Path("runs/failing"))
    options = parser.parse_args()
    folder = options.out.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    tasks = folder / "train.jsonl"
    tasks.write_text("\n".join(map(wrapped, (options.demo / "tasks" / "train.jsonl").read_text().splitlines())))
    pairs = [compare(options, folder, tasks, seed) for seed in range(options.seeds)]
    delta = fmean(pair.delta for pair in pairs)
    print(f"{delta:+.1f} points of accuracy on average")
    sound = all(pair.invented == pair.rewarded == 0 < pair.pauses for pair in pairs)
    sys.exit(not sound or delta < -POINTS)


def compare(options: argparse.Namespace, folder: Path, tasks: Path, seed: int) -> Compared:
    """Both runs, with this seed."""
    accuracy = {}
    for kind, seconds in (("sound", 0.0), ("failing", options.seconds)):
        out = folder / f"{kind}-{seed}"
        config = out.with_suffix(".toml")
        config.write_text(RUN.format(demo=options.demo, out=out, steps=options.steps, tasks=tasks, seed=seed))
        carry_out(config, out, options.steps, seconds)
        accuracy[kind] = runs.accuracy(out)
    delta = 100 * (accuracy["failing"] - accuracy["sound"])
    last = runs.metrics(out)[-1]
    found = Compared(delta, last["pauses"], *look_back(out))
    print(
        f"seed {seed}: {found.judged} verdicts, {found.failed} failures left, {found.rewarded} of them rewarded or "
        f"trained on, {found.invented} verdicts invented, {found.pauses:.0f} pauses of {last['paused_s']:.1f} s in "
        f"all, accuracy {100 * accuracy['sound']:.1f} without failures and {100 * accuracy['failing']:.1f} with",
        flush=True,
    )
    return found


def wrapped(line: str) -> str:
    """A task whose verifier is the failing one."""
    task = json.loads(line)
    reference = {"verifier": task["verifier"], "reference": task["reference"]}
    return json.dumps(task | {"verifier": FailingVerifier.name, "reference": reference})


def carry_out(config: Path, out: Path, steps: int, seconds: float) -> None:
    """A whole run, whose verifier fails for so long."""
    shutil.rmtree(out, ignore_errors=True)
    switch = config.with_suffix(".switch")
    verifier = f"{Path(__file__).with_name('failing_verifier.py')}:FailingVerifier"
    environment = os.environ | {SWITCH: str(switch), "RLVR_VERIFIERS": verifier}
    command = [sys.executable, "-m", "rlvr.cli", "rl", str(config)]
    with config.with_suffix(".log").open("w") as log:
        run = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        if seconds:
            wait_for_step(out, steps // 4, run)
            switch.touch()
            time.sleep(seconds)
            switch.unlink()
        if run.wait(STALLED_S):
            sys.exit(f"the run ended with {run.returncode}; see {log.name}")


def wait_for_step(out: Path, step: int, run: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + STALLED_S
    while runs.step(out) < step:
        if run.poll() is not None or time.monotonic() > end:
            run.kill()
            sys.exit(f"the run did not come to step {step}")
        time.sleep(0.1)


def look_back(out: Path) -> tuple[int, int, int, int]:
    """The last four of Compared."""
    rows = runs.ask(
        out,
        "SELECT tasks.task, text, status, score, reward, step FROM rollouts JOIN tasks ON tasks.id = rollouts.task "
        "WHERE status IS NOT NULL",
    )
    failed = [row for row in rows if row[2] == "error"]
    rewarded = sum(reward is not None or step is not None for *_, reward, step in failed)
    sound = [row for row in rows if row[2] != "error"]
    with Grader(workers=1) as grader:
        verdicts = asyncio.run(grader.grade_many([item(number, *row[:2]) for number, row in enumerate(sound)]))
    invented = sum(
        (verdict.status, verdict.score) != (row[2], row[3]) for verdict, row in zip(verdicts, sound, strict=True)
    )
    return len(failed), rewarded, invented, len(rows)


def item(number: int, task: str, text: str) -> Item:
    inner = json.loads(task)["reference"]
    return Item(id=str(number), verifier=inner["verifier"], response=text, reference=inner["reference"])


if __name__ == "__main__":
    main()
