"""Where the processes of a run go, decided without a cluster."""

from collections import Counter

import pytest

from rlvr.config import RL, Compute, EngineSettings, Grading, Tasks
from rlvr.errors import UserError
from rlvr.planning.placement import SHARE, Node, Place, needs, plan


def run(replicas: int = 1, parallel: int = 1, graders: int = 1, device: str = "auto") -> RL:
    engine = EngineSettings(kind="vllm", replicas=replicas, tensor_parallel=parallel)
    return RL(tasks=Tasks(train=""), engine=engine, grading=Grading(replicas=graders), compute=Compute(device=device))


def test_without_gpus_everything_shares_the_cpus() -> None:
    places = plan(run(), [Node("laptop", 2)])
    assert Counter(place.process for place in places) == {"engine": 1, "learner": 1, "grader": 1}
    assert {(place.node, place.cpus, place.gpus) for place in places} == {("laptop", SHARE, 0.0)}


def test_an_only_gpu_is_shared() -> None:
    assert {p.process: p.gpus for p in needs(run(), 1)} == {"engine": SHARE, "learner": SHARE, "grader": 0.0}
    assert {p.process: p.gpus for p in needs(run(device="cpu"), 1)} == {"engine": 0.0, "learner": 0.0, "grader": 0.0}


def test_processes_of_a_kind_go_to_different_nodes() -> None:
    places = plan(run(replicas=2, graders=2), [Node("a", 4), Node("b", 4)])
    for process in ("engine", "grader"):
        assert {place.node for place in places if place.process == process} == {"a", "b"}


def test_an_engine_stays_whole_on_one_node() -> None:
    nodes = [Node("a", 16, 4), Node("b", 16, 4), Node("c", 16)]
    places = plan(run(replicas=3, parallel=2, graders=2), nodes)
    used = Counter[str]()
    for place in places:
        used[place.node] += int(place.gpus)
    assert used == {"a": 4, "b": 3, "c": 0} or used == {"a": 3, "b": 4, "c": 0}
    assert Place("grader", SHARE, 0.0, "c") in places


@pytest.mark.parametrize(
    ("config", "nodes"),
    [
        (run(replicas=2, parallel=4), [Node("a", 16, 8)]),
        (run(parallel=8), [Node("a", 16, 8), Node("b", 16)]),
        (run(device="cuda"), [Node("a", 16)]),
        (run(), []),
    ],
)
def test_a_cluster_that_is_too_small_is_told_of(config: RL, nodes: list[Node]) -> None:
    with pytest.raises(UserError, match=r"too small for this run: it needs .* engine.* of .* GPU.*; use a larger"):
        plan(config, nodes)
