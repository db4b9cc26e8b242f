"""The same run on one Ray node, on two, and on two of which one dies: two engines, two graders, two learner ranks."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from runpy import run_path
from typing import TYPE_CHECKING

import pytest

from rlvr import own_ray

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore"),  # Ray's own, of its cluster for tests
]

RUNS = run_path(str(Path(__file__).with_name("finished_runs.py")))
steps_of, check_same = RUNS["steps_of"], RUNS["check_same"]
STEPS = 4
CONFIG = """
stage = "rl"
model = "{folder}/base"
out = "{folder}/{name}"
steps = {steps}
prompts_per_step = 6
group_size = 4
max_lag = 0
refill = 0
checkpoint_every = 2
evaluate_every = 4
sampling = {{ max_tokens = 6 }}
tasks = {{ train = "{folder}/tasks.jsonl", limit = 12 }}
optim = {{ lr = 1e-3 }}
micro_batch_tokens = 64
engine = {{ replicas = 2 }}
grading = {{ replicas = 2 }}
scale = {{ ranks = 2, shard = false }}
compute = {{ threads = 1 }}
"""


@pytest.fixture(scope="module")
def cluster() -> "Iterator[Cluster]":
    """Two nodes beside a head that has no room for work, each with room for all."""
    own_ray.prepare()
    from ray.cluster_utils import Cluster

    soon = {"health_check_period_ms": 1000, "health_check_failure_threshold": 5}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "_system_config": soon})
    cluster.add_node(num_cpus=2)
    cluster.add_node(num_cpus=2)
    yield cluster
    cluster.shutdown()


def start(folder: Path, name: str, cluster: "Cluster | None") -> "subprocess.Popen[str]":
    """The run, on the cluster or on one of its own."""
    (folder / f"{name}.toml").write_text(CONFIG.format(folder=folder, name=name, steps=STEPS))
    environment = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}
    environment |= {"RAY_ADDRESS": cluster.address} if cluster else {}
    command = [sys.executable, "-m", "rlvr.cli", "rl", str(folder / f"{name}.toml")]
    with (folder / f"{name}.log").open("w") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, text=True, env=environment)


def finish(folder: Path, name: str, run: "subprocess.Popen[str]") -> str:
    """What it said, once it has ended well."""
    try:
        code = run.wait(500)
    finally:
        run.kill()
    said = (folder / f"{name}.log").read_text()
    assert code == 0, said[-3000:]
    return said


@pytest.fixture(scope="module")
def alone(folder: Path) -> Path:
    """The folder, with the run on one node in it."""
    finish(folder, "one-node", start(folder, "one-node", None))
    return folder


def test_two_nodes_give_the_run_of_one(alone: Path, cluster: "Cluster") -> None:
    finish(alone, "two-nodes", start(alone, "two-nodes", cluster))
    check_same(alone / "two-nodes", alone / "one-node")


def test_a_node_that_dies_changes_nothing(alone: Path, cluster: "Cluster") -> None:
    """What ran there is started on the other one: an engine, a grader, and with one rank the whole learner."""
    run = start(alone, "dying-node", cluster)
    end = time.monotonic() + 300
    while steps_of(alone / "dying-node") < 2:
        assert run.poll() is None, "the run ended before the node could be killed"
        assert time.monotonic() < end, "the run made no progress"
        time.sleep(0.01)
    node = next(iter(cluster.worker_nodes))
    os.kill(node.all_processes["raylet"][0].process.pid, signal.SIGKILL)
    cluster.remove_node(node, allow_graceful=False)
    said = finish(alone, "dying-node", run)
    assert "learner was lost" in said
    assert "learner serves again" in said
    check_same(alone / "dying-node", alone / "one-node")
