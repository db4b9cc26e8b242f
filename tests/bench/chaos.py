"""One RL run through many kills: `make chaos`. Its last line is `kills N lost N twice N lag MAX/BOUND accuracy DELTA`.

A cluster of three Ray nodes on this machine; two engines, two graders, a learner. At random moments it kills -9 an
engine, a grader, a grader's worker or sandbox, the learner, the driver (which is then resumed) or a whole node (which
is then replaced), and in the end asks the journal what became of every rollout. DELTA is the accuracy on held-out
tasks less that of the same run without a kill, which is kept for the next time. It fails when a rollout is lost or
trained twice, when a token is older than the bound, when the accuracy is more than 3 points lower, when a kill holds
up the run, or a process is away, for more than 30 s, and when the run does not end.
"""

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from array import array
from collections import Counter
from pathlib import Path

import runs
from rlvr import own_ray

own_ray.prepare()

from ray.cluster_utils import Cluster  # noqa: E402

VICTIMS = ("engine", "grader", "worker", "sandbox", "learner", "driver", "node")
ACTORS = {"engine": "ray::EngineActor", "grader": "ray::GraderActor", "learner": "ray::LearnerActor"}
SANDBOX = "sandbox.process.host"
NODES, CPUS = 2, 2
RECOVERED_S, STALLED_S = 30.0, 600.0
POINTS = 3.0
QUICK = {"_system_config": {"health_check_period_ms": 1000, "health_check_failure_threshold": 5}}

BASE = """
stage = "pipeline"
out = "{folder}/base"
scratch = {{ demonstrations = 16000, slip = 0.55, tasks = 1500, validation = 60, held_out = 600 }}
[sft]
data = "{{out}}/tasks/demonstrations.jsonl"
epochs = 1
batch_size = 64
max_tokens = 128
optim = {{ lr = 4e-3, warmup_steps = 10, schedule = "cosine" }}
compute = {{ threads = 1 }}
"""

RUN = """
stage = "rl"
model = "{folder}/base/sft/model"
out = "{folder}/{name}"
steps = {steps}
prompts_per_step = 12
group_size = 6
max_lag = {max_lag}
refill = 1
checkpoint_every = 10
evaluate_every = {steps}
engine = {{ replicas = 2 }}
engine_batch = 64
grading = {{ replicas = 2 }}
faults = {{ heartbeat_s = 20, restarts = 10 }}
sampling = {{ max_tokens = 40 }}
tasks = {{ train = "{folder}/base/tasks/train.jsonl", validation = "{folder}/base/tasks/held_out.jsonl" }}
optim = {{ lr = 2e-4, warmup_steps = 5 }}
compute = {{ threads = 1 }}
"""


class Run:
    """A run on the cluster, whose driver can be killed and resumed."""

    def __init__(self, folder: Path, name: str, cluster: Cluster, steps: int, max_lag: int) -> None:
        self.out, self.cluster, self.steps, self.max_lag = folder / name, cluster, steps, max_lag
        self.config = folder / f"{name}.toml"
        self.config.write_text(RUN.format(folder=folder, name=name, steps=steps, max_lag=max_lag))
        self.log = (folder / f"{name}.log").open("a")
        self.driver = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "rlvr.cli", "rl", str(self.config)]
        if (self.out / "journal.sqlite").exists():
            command.append("--resume")
        environment = os.environ | {"RAY_ADDRESS": self.cluster.address}
        return subprocess.Popen(command, stdout=self.log, stderr=self.log, env=environment, start_new_session=True)

    def ask(self, query: str) -> list[tuple[object, ...]]:
        return runs.ask(self.out, query)

    def step(self) -> int:
        return runs.step(self.out)

    def wait_for_step(self, step: int) -> float:
        """Seconds until it was reached. Ends the program when the run ends badly or makes no progress."""
        start = moved = time.monotonic()
        before = reached = self.step()
        while reached < min(step, self.steps):
            if self.driver.poll() not in (None, 0):
                sys.exit(f"the run ended with {self.driver.returncode} at step {reached}; see {self.log.name}")
            if reached > before:
                before, moved = reached, time.monotonic()
            if time.monotonic() - moved > STALLED_S:
                sys.exit(f"no progress for {STALLED_S:.0f} s at step {reached}; see {self.log.name}")
            time.sleep(0.05)
            reached = self.step()
        return time.monotonic() - start

    def finish(self) -> float:
        """Its accuracy on the held-out tasks."""
        self.wait_for_step(self.steps)
        if self.driver.wait(STALLED_S) != 0:
            sys.exit(f"the run ended with {self.driver.returncode}; see {self.log.name}")
        return runs.accuracy(self.out)

    def absences(self) -> list[float]:
        """Seconds for which engines, graders and the learner were away, one each time that one was lost."""
        return [float(seconds) for seconds in AWAY.findall(Path(self.log.name).read_text())]


AWAY = re.compile(r"serves again after ([0-9.]+) s")


def processes() -> dict[int, tuple[int, str]]:
    """Parent and command line of every process, by id."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            found[int(folder.name)] = (parent, (folder / "cmdline").read_text().replace("\0", " "))
        except (OSError, ValueError):
            continue
    return found


def of_cluster(cluster: Cluster) -> dict[str, list[int]]:
    """Process ids of what may be killed, by kind: only what the cluster's own nodes started."""
    raylets = [node.all_processes["raylet"][0].process.pid for node in cluster.worker_nodes]
    table = processes()
    mine = {pid: name for pid, (parent, name) in table.items() if parent in raylets}
    found = {kind: [pid for pid, name in mine.items() if name.startswith(title)] for kind, title in ACTORS.items()}
    below = {pid: name for pid, (parent, name) in table.items() if parent in found["grader"]}
    found["sandbox"] = [pid for pid, name in below.items() if SANDBOX in name]
    found["worker"] = [*below]
    return found


def strike(kind: str, run: Run, rng: random.Random) -> bool:
    """Kill one of a kind; False when there is none just now."""
    if kind == "driver":
        run.driver.kill()
        run.driver.wait()
        run.driver = run.start()
        return True
    if kind == "node":
        node = rng.choice(list(run.cluster.worker_nodes))
        os.kill(node.all_processes["raylet"][0].process.pid, signal.SIGKILL)
        run.cluster.remove_node(node, allow_graceful=False)
        run.cluster.add_node(num_cpus=CPUS)
        return True
    victims = of_cluster(run.cluster)[kind]
    if victims:
        os.kill(rng.choice(victims), signal.SIGKILL)
    return bool(victims)


def finished(run: Run) -> dict[object, object]:
    """What the engines have finished so far: it must all be there in the end, as it is."""
    return dict(run.ask("SELECT id, response_ids FROM rollouts WHERE response_ids IS NOT NULL"))  # type: ignore[arg-type]


def lag(run: Run) -> int:
    """The oldest token that was trained on, in versions."""
    rows = run.ask("SELECT step, versions FROM rollouts WHERE state = 'trained'")
    return max(int(str(step)) - 1 - min(array("i", versions)) for step, versions in rows)  # type: ignore[arg-type]


def torment(run: Run, kills: int, rng: random.Random) -> tuple[Counter[str], dict[object, object], float]:
    """Kill, wait until the run goes on, and so forth.

    Returns what was killed, what was finished before, and the seconds of the longest wait.
    """
    order = [VICTIMS[i % len(VICTIMS)] for i in range(kills)]
    rng.shuffle(order)
    killed: Counter[str] = Counter()
    seen: dict[object, object] = {}
    longest = 0.0
    run.wait_for_step(2)
    for number, kind in enumerate(order):
        run.wait_for_step((number + 1) * run.steps // (kills + 2))
        time.sleep(rng.random())
        end = time.monotonic() + STALLED_S
        while not strike(kind, run, rng):
            if time.monotonic() > end:
                sys.exit(f"no {kind} to kill for {STALLED_S:.0f} s; see {run.log.name}")
            time.sleep(0.1)
        seen |= finished(run)
        killed[kind] += 1
        seconds = run.wait_for_step(run.step() + 1)
        longest = max(longest, seconds)
        load = os.getloadavg()[0]
        print(f"killed {kind:<8} at step {run.step():>4}, went on after {seconds:5.1f} s, load {load:.1f}", flush=True)
    return killed, seen, longest


def undisturbed(folder: Path, cluster: Cluster, steps: int, max_lag: int) -> float:
    """The accuracy of the run that nobody touches; done once for each configuration."""
    name = f"undisturbed-{steps}-{max_lag}"
    done = folder / f"{name}.accuracy"
    settings = RUN.format(folder=folder, name=name, steps=steps, max_lag=max_lag)
    if done.exists() and (folder / f"{name}.toml").read_text() == settings:
        return float(done.read_text())
    shutil.rmtree(folder / name, ignore_errors=True)
    start = time.monotonic()
    accuracy = Run(folder, name, cluster, steps, max_lag).finish()
    done.write_text(str(accuracy))
    print(f"undisturbed: accuracy {100 * accuracy:.1f} after {time.monotonic() - start:.0f} s", flush=True)
    return accuracy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--max-lag", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/chaos"))
    options = parser.parse_args()
    folder = options.out.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "base" / "sft" / "DONE").exists():
        (folder / "base.toml").write_text(BASE.format(folder=folder))
        subprocess.run([sys.executable, "-m", "rlvr.cli", "pipeline", str(folder / "base.toml")], check=True)
    name = f"kills-{options.seed}"
    shutil.rmtree(folder / name, ignore_errors=True)
    (folder / f"{name}.log").unlink(missing_ok=True)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **QUICK})
    try:
        for _ in range(NODES):
            cluster.add_node(num_cpus=CPUS)
        expected = undisturbed(folder, cluster, options.steps, options.max_lag)
        run = Run(folder, name, cluster, options.steps, options.max_lag)
        killed, seen, longest = torment(run, options.kills, random.Random(options.seed))
        accuracy = run.finish()
    finally:
        cluster.shutdown()
    report(run, killed, seen, longest, 100 * (accuracy - expected))


def report(run: Run, killed: Counter[str], seen: dict[object, object], longest: float, delta: float) -> None:
    """Ends the program: 0 only when all held."""
    there = finished(run)
    lost = sum(there.get(id) != response for id, response in seen.items())
    [[committed]] = run.ask("SELECT sum(samples) FROM steps")
    [[trained]] = run.ask("SELECT count(*) FROM rollouts WHERE state = 'trained'")
    twice = int(str(committed)) - int(str(trained))
    oldest, away = lag(run), run.absences()
    gone = max(away, default=0.0)
    slow = max(longest, gone)
    print(", ".join(f"{kind} {count}" for kind, count in killed.items()))
    print(f"longest wait for a step {longest:.1f} s; {len(away)} processes replaced, longest away {gone:.1f} s")
    if slow > RECOVERED_S:
        print(f"slower than {RECOVERED_S:.0f} s")
    print(f"kills {killed.total()} lost {lost} twice {twice} lag {oldest}/{run.max_lag} accuracy {delta:+.1f}")
    sys.exit(bool(lost or twice or oldest > run.max_lag or delta < -POINTS or slow > RECOVERED_S))


if __name__ == "__main__":
    main()
