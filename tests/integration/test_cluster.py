"""The same run on one Ray node and on two: two engines, two graders, two learner ranks."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from rlvr import own_ray, tiny
from rlvr.tasks import procedural
from verifiers import Task

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore"),  # Ray's own, of its cluster for tests
]

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
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cluster")
    texts = [p.prompt for p, _ in zip(procedural.problems(0, "train"), range(60), strict=False)]
    tiny.build(folder / "base", texts, vocabulary=300, hidden=16, layers=1, seed=0)
    words = {"num_words": 2, "relation": "at least"}
    reference = {"instruction_id_list": ["length_constraints:number_words"], "kwargs": [words]}
    tasks = [Task(id=f"t{i}", prompt=f"{i} words", verifier="instructions", reference=reference) for i in range(24)]
    (folder / "tasks.jsonl").write_text("\n".join(task.model_dump_json() for task in tasks))
    return folder


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """Of a client of a cluster with two nodes, beside a head that has no room for work."""
    own_ray.prepare()
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    cluster.add_node(num_cpus=1)
    cluster.add_node(num_cpus=1)
    yield os.environ | {"RAY_ADDRESS": cluster.address}
    cluster.shutdown()


def train(folder: Path, name: str, environment: dict[str, str]) -> None:
    (folder / f"{name}.toml").write_text(CONFIG.format(folder=folder, name=name, steps=STEPS))
    command = [sys.executable, "-m", "rlvr.cli", "rl", str(folder / f"{name}.toml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]


def trained(folder: Path, name: str) -> list[tuple[object, ...]]:
    db = sqlite3.connect(folder / name / "journal.sqlite")
    rows = db.execute(
        "SELECT step, place, id, response_ids, logprobs, advantage FROM rollouts WHERE step IS NOT NULL "
        "ORDER BY step, place"
    ).fetchall()
    db.close()
    return rows


def test_two_nodes_give_the_run_of_one(folder: Path, environment: dict[str, str]) -> None:
    alone = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    train(folder, "one-node", alone)
    train(folder, "two-nodes", environment)
    rows = trained(folder, "one-node")
    assert len(rows) > 0
    assert trained(folder, "two-nodes") == rows
    models = [
        torch.load(next(folder.glob(f"{name}/checkpoints/step-{STEPS:06}/*.pt")), weights_only=False)["model"]
        for name in ("one-node", "two-nodes")
    ]
    for key, value in models[0].items():
        assert torch.equal(value, models[1][key]), key
