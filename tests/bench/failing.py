"""A run whose verifier fails 30% of the time for a while, beside one whose verifier does not.

    python tests/bench/failing.py RUN      (the run directory of `rlvr demo`)

A quarter of the way the verifier begins to fail, and after a while it stops. In the end every verdict in the journal is
asked for again from the sound verifier. It fails when a verdict differs, when a failure got a reward or was trained on,
when the run did not pause and go on, and when its accuracy on held-out tasks is more than 3 points lower.
"""

import argparse
import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from failing_verifier import SWITCH, FailingVerifier

from verifiers import Grader, Item

POINTS = 3.0
STALLED_S = 600.0
RUN = """
stage = "rl"
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("demo", type=lambda path: Path(path).absolute())
    parser.add_argument("--steps", type=int, default=80)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long the verifier fails")
    parser.add_argument("--out", type=Path, default=Path("runs/failing"))
    options = parser.parse_args()
    folder = options.out.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    tasks = folder / "train.jsonl"
    tasks.write_text("\n".join(map(wrapped, (options.demo / "tasks" / "train.jsonl").read_text().splitlines())))
    accuracy = {}
    for name, seconds in (("sound", 0.0), ("failing", options.seconds)):
        config = folder / f"{name}.toml"
        config.write_text(RUN.format(demo=options.demo, out=folder / name, steps=options.steps, tasks=tasks))
        rows = carry_out(config, folder / name, options.steps, seconds)
        accuracy[name] = next(row["validation/accuracy"] for row in reversed(rows) if "validation/accuracy" in row)
        print(f"{name:<8} accuracy {100 * accuracy[name]:.1f}", flush=True)
    delta = 100 * (accuracy["failing"] - accuracy["sound"])
    pauses, paused_s = rows[-1]["pauses"], rows[-1]["paused_s"]
    failures, rewarded, invented, judged = look_back(folder / "failing" / "journal.sqlite")
    print(f"{judged} verdicts, {failures} failures left, {rewarded} of them rewarded or trained on")
    print(f"pauses {pauses:.0f} for {paused_s:.1f} s, invented verdicts {invented}, accuracy {delta:+.1f}")
    sys.exit(bool(invented or rewarded or not pauses or delta < -POINTS))


def wrapped(line: str) -> str:
    """A task whose verifier is the failing one."""
    task = json.loads(line)
    reference = {"verifier": task["verifier"], "reference": task["reference"]}
    return json.dumps(task | {"verifier": FailingVerifier.name, "reference": reference})


def carry_out(config: Path, out: Path, steps: int, seconds: float) -> list[dict[str, Any]]:
    """A whole run, whose verifier fails for so long; its metrics."""
    switch = config.with_suffix(".switch")
    verifier = f"{Path(__file__).with_name('failing_verifier.py')}:FailingVerifier"
    environment = os.environ | {SWITCH: str(switch), "RLVR_VERIFIERS": verifier}
    command = [sys.executable, "-m", "rlvr.cli", "rl", str(config)]
    with config.with_suffix(".log").open("w") as log:
        run = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        if seconds:
            wait_for_step(out / "journal.sqlite", steps // 4, run)
            switch.touch()
            time.sleep(seconds)
            switch.unlink()
        if run.wait(STALLED_S):
            sys.exit(f"the run ended with {run.returncode}; see {log.name}")
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def wait_for_step(journal: Path, step: int, run: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + STALLED_S
    while not journal.exists() or ask(journal, "SELECT coalesce(max(step), 0) FROM steps")[0][0] < step:
        if run.poll() is not None or time.monotonic() > end:
            run.kill()
            sys.exit(f"the run did not come to step {step}")
        time.sleep(0.1)


def ask(journal: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True, timeout=30)) as db:
        try:
            return db.execute(query).fetchall()
        except sqlite3.OperationalError:  # it is just being made
            return [(0,)]


def look_back(journal: Path) -> tuple[int, int, int, int]:
    """Failures, those that count all the same, verdicts that the sound verifier does not give, and all verdicts."""
    rows = ask(
        journal,
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
