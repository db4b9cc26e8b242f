"""Which process of a run goes where: a pure function of the configuration and the nodes, and so a test before a queue.

Every engine, learner and grader is placed whole on one node. On GPUs a rank of the learner takes one and an engine as
many as it is parallel, unless there is only one GPU, which all then share; without GPUs everything shares the CPUs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rlvr.config import RL
from rlvr.errors import UserError

SHARE = 0.25
"""Of a CPU, or of an only GPU, that one process reserves: partners take turns, and fit on the smallest machine."""


@dataclass(frozen=True, slots=True)
class Node:
    """What a node of the cluster has."""

    name: str
    cpus: float
    gpus: float = 0.0


@dataclass(frozen=True, slots=True)
class Place:
    """What one process of a run reserves, and on which node there is room for it."""

    process: str
    """`learner`, `engine` or `grader`."""
    cpus: float
    gpus: float
    node: str = ""


def needs(config: RL, gpus: float) -> list[Place]:
    """What the processes of a run reserve where there are so many GPUs; the largest first."""
    on_gpu = config.compute.device.startswith("cuda") or (config.compute.device == "auto" and gpus > 0)
    parallel = config.engine.tensor_parallel
    shared = gpus == 1 and parallel == 1 and config.scale.ranks == 1
    learner = (SHARE if shared else 1.0) if on_gpu else 0.0
    engine = (SHARE if shared else float(parallel)) if on_gpu else 0.0
    places = [
        *[Place("engine", SHARE, engine)] * config.engine.replicas,
        *[Place("learner", SHARE, learner)] * config.scale.ranks,
        *[Place("grader", SHARE, 0.0)] * config.grading.replicas,
    ]
    return sorted(places, key=lambda place: -place.gpus)


def plan(config: RL, nodes: Sequence[Node]) -> list[Place]:
    """A node for every process: those of a kind on different nodes, as far as there is room.

    Raises UserError, with what is missing, when the nodes do not suffice.
    """
    left = {node.name: node for node in nodes}
    wanted = needs(config, sum(node.gpus for node in nodes))
    placed: list[Place] = []
    for place in wanted:
        able = [node for node in left.values() if node.cpus >= place.cpus and node.gpus >= place.gpus]
        if not able:
            raise UserError(_too_small(wanted, nodes))
        alike = [other.node for other in placed if other.process == place.process]
        node = min(able, key=lambda node: (alike.count(node.name), node.gpus - place.gpus, -node.cpus))
        left[node.name] = replace(node, cpus=node.cpus - place.cpus, gpus=node.gpus - place.gpus)
        placed.append(replace(place, node=node.name))
    return placed


def _too_small(wanted: Sequence[Place], nodes: Sequence[Node]) -> str:
    asked = {place.process: [p for p in wanted if p.process == place.process] for place in wanted}
    each = ", ".join(f"{len(p)} {name}(s) of {p[0].cpus:g} CPU and {p[0].gpus:g} GPU" for name, p in asked.items())
    there = ", ".join(f"{node.name}: {node.cpus:g} CPU, {node.gpus:g} GPU" for node in nodes) or "no node"
    return (
        f"the cluster is too small for this run: it needs {each}, each whole on one node, and has {there}; "
        "use a larger cluster, or lower engine.replicas, engine.tensor_parallel, scale.ranks or grading.replicas"
    )
