"""Accuracy against staleness: the same run at several `max_lag`, with and without the correction for old samplers.

    python tests/bench/lag.py MODEL TRAIN HELD_OUT      (folders and files of a demo, say)

One line each: bound, correction, accuracy on the held-out tasks after the last step, mean lag of what was trained on.
It fails when two versions of lag, with the correction, cost more than 3 points.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from statistics import fmean

from runs import accuracy, metrics

POINTS = 3.0
RUN = """
stage = "rl"
model = "{model}"
out = "{out}"
steps = {steps}
prompts_per_step = 16
group_size = 8
max_lag = {lag}
refill = 1
evaluate_every = {steps}
checkpoint_every = {steps}
sampling = {{ max_tokens = 40 }}
objective = {{ {correction} }}
tasks = {{ train = "{train}", validation = "{held_out}" }}
optim = {{ lr = 2e-4, warmup_steps = 5 }}
compute = {{ threads = 1 }}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "train", "held_out"):
        parser.add_argument(name, type=lambda path: Path(path).absolute())
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--lags", type=int, nargs="+", default=[0, 2, 8])
    parser.add_argument("--out", type=Path, default=Path("runs/lag"))
    options = parser.parse_args()
    found: dict[tuple[int, str], float] = {}
    for lag in options.lags:
        for name, correction in (("truncate", ""), ("none", 'importance = "none"')):
            out = (options.out / f"{lag}-{name}").absolute()
            out.parent.mkdir(parents=True, exist_ok=True)
            config = out.with_suffix(".toml")
            config.write_text(RUN.format(**vars(options) | {"out": out, "lag": lag, "correction": correction}))
            with out.with_suffix(".log").open("w") as log:
                command = [sys.executable, "-m", "rlvr.cli", "rl", str(config)]
                subprocess.run(command, check=True, stdout=log, stderr=log)
            found[lag, name] = accuracy(out)
            mean = fmean(row["lag"] for row in metrics(out) if "lag" in row)
            print(
                f"max_lag {lag}  correction {name:<10} accuracy {found[lag, name]:.3f}  mean lag {mean:.2f}", flush=True
            )
    if {(0, "truncate"), (2, "truncate")} <= found.keys():
        loss = 100 * (found[0, "truncate"] - found[2, "truncate"])
        print(f"max_lag 2 with correction costs {loss:+.1f} points")
        sys.exit(loss > POINTS)


if __name__ == "__main__":
    main()
