"""The loop's partners as Ray actors, and the fleets of them that speak the loop's own terms.

Prompts, rollouts and verdicts cross the driver; weights do not: the learner's go to the engines as an object reference.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import ActorDiedError, ObjectLostError, OutOfMemoryError, RayActorError, RayError, RayTaskError

from rlvr.config import RL, Compute, EngineSettings, Faults, Grading, Sampling
from rlvr.errors import WorkFailed
from rlvr.faults import Gone, Lost
from rlvr.fleet import BatchOf, Engines, Graders, Learner, RankGroup
from rlvr.planning.placement import SHARE, Node
from rlvr.samples import Prompt, Request, Rollout, Sample
from verifiers import Grader, Item, Task, Verdict

LANES = 4
"""Parts in which a vLLM engine is given its requests, so that new ones arrive while long ones go on."""


def set_threads(compute: Compute) -> None:
    import torch

    torch.set_num_threads(compute.threads or len(os.sched_getaffinity(0)))


def device_of(compute: Compute) -> str:
    import torch

    if compute.device != "auto":
        return compute.device
    return "cuda" if torch.cuda.is_available() else "cpu"


class EngineActor:
    """Owns an engine, and proves after every update that it has the learner's weights."""

    def __init__(self, model: str, at_once: int, compute: Compute, settings: EngineSettings, number: int) -> None:
        set_threads(compute)
        self.name = f"engine {number}"
        self.turn = asyncio.Lock()
        self.engine: Any
        if settings.kind == "vllm":
            from rlvr.engines.vllm import VllmEngine

            self.engine = VllmEngine(model, at_once, settings, device_of(compute))
        else:
            from rlvr.engines.transformers import TransformersEngine

            self.engine = TransformersEngine(model, at_once, device_of(compute))

    async def ping(self) -> int:
        return os.getpid()

    async def encode(self, tasks: Sequence[Task], max_tokens: int) -> tuple[list[Prompt], int]:
        from rlvr.chat import encode_prompts

        return encode_prompts(self.engine.tokenizer, tasks, max_tokens)

    async def sample(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[list[Rollout]]:
        """Rollouts in completion order, as many at a time as have finished: a Ray stream's items cost a round trip."""
        async for rollouts in self.engine.sample_lists(requests, sampling):
            yield rollouts

    async def load(self, weights: Any, version: int) -> None:
        async with self.turn:
            await self.engine.load(weights.arrays, version)
            found = await self.engine.fingerprint()
            # In a thread, for it reads all numbers: meanwhile the heart beats, and rollouts go out.
            await asyncio.to_thread(weights.check, version, found, self.engine.dtype, self.name)

    async def open(self, model: str) -> None:
        """Another checkpoint in place of this one."""
        await self.engine.open(model)


class LearnerActor:
    """One rank of the learner. `ping` has a thread of its own, as everything else takes its turn."""

    def __init__(self, config: RL, number: int) -> None:
        set_threads(config.compute)
        self.config, self.number, self.out = config, number, config.out

    @ray.method(concurrency_group="pulse")  # type: ignore[untyped-decorator]
    def ping(self) -> int:
        return os.getpid()

    def address(self) -> str:
        """Where the ranks can meet: a free port of this rank's node."""
        host = ray.util.get_node_ip_address()
        with socket.socket() as probe:
            probe.bind((host, 0))
            return f"tcp://{host}:{probe.getsockname()[1]}"

    def join(self, address: str) -> None:
        """Become a rank of the group that meets there, with a learner at its start."""
        from rlvr.learner import ranks
        from rlvr.learner.step import Learner

        size = self.config.scale.ranks
        self.learner = Learner(self.config, ranks.join(address, self.number, size, device_of(self.config.compute)))

    def step(self, samples: Sequence[Sample]) -> dict[str, float]:
        return self.learner.step(samples)

    def weights(self) -> tuple[int, Any]:
        from rlvr.sync import Weights

        return self.learner.version, Weights.of(self.learner.version, self.learner.weights())

    def logprobs(self, samples: Sequence[Sample]) -> list[float]:
        return self.learner.logprobs(samples).tolist()

    def checkpoint(self, step: int) -> None:
        from rlvr.learner import checkpoint

        checkpoint.write(self.learner, self.out / "checkpoints", step)

    def restore(self) -> int:
        from rlvr.learner import checkpoint

        return checkpoint.restore(self.learner, self.out / "checkpoints")

    def publish(self, folder: Path) -> None:
        from rlvr.learner import checkpoint

        checkpoint.publish(self.learner, folder)


class GraderActor:
    """Owns a grader and its worker processes."""

    def __init__(self, grading: Grading) -> None:
        self.grader = Grader(workers=grading.workers, deadline_s=grading.deadline_s)

    async def ping(self) -> int:
        return os.getpid()

    async def grade_many(self, items: Sequence[Item]) -> list[Verdict]:
        return await self.grader.grade_many(items)


class RayProcess:
    """An actor as `rlvr.faults` sees it: `Lost` for whatever Ray says when it is gone."""

    def __init__(self, actor: type, *args: Any, cpus: float = SHARE, gpus: float = 0, **options: Any) -> None:
        self.actor = ray.remote(num_cpus=cpus, num_gpus=gpus, **options)(actor).remote(*args)

    async def call(self, method: str, *args: Any) -> Any:
        with _losses():
            return await getattr(self.actor, method).remote(*args)

    async def refer(self, method: str, *args: Any) -> tuple[Any, Any]:
        """Of a pair, the first as it is, and a reference to the second, which stays where it is."""
        with _losses():
            first, second = getattr(self.actor, method).options(num_returns=2).remote(*args)
            return await first, second

    async def stream(self, method: str, *args: Any) -> AsyncIterator[Any]:
        with _losses():
            async for answer in getattr(self.actor, method).options(num_returns="streaming").remote(*args):
                yield await answer

    def kill(self) -> None:
        ray.kill(self.actor)


class _losses:
    """Say in our terms what Ray says of an actor that is gone."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, RayTaskError):
            from rlvr.sync import SyncFailed

            if isinstance(error.cause, SyncFailed):
                raise Lost(str(error.cause)) from error
            if not isinstance(error.cause, ObjectLostError):
                return
            raise Gone(_line(error.cause)) from error
        if isinstance(error, ObjectLostError):
            raise Gone(_line(error)) from error
        if isinstance(error, ActorDiedError) and "creation task" in str(error):
            raise WorkFailed(f"{type(error).__name__}: {_line(error)}") from error
        if isinstance(error, RayActorError):
            raise Lost("its process died") from error
        if isinstance(error, OutOfMemoryError):
            raise Lost("its node was low on memory, and Ray killed it") from error


def _line(error: RayError) -> str:
    """What went wrong, without the stack of the process where it did."""
    return next((line for line in reversed(str(error).splitlines()) if line.strip()), "no message").strip()


def wants_gpu(compute: Compute) -> bool:
    return compute.device.startswith("cuda") or (compute.device == "auto" and ray.cluster_resources().get("GPU", 0) > 0)


def _gpus(compute: Compute) -> float:
    return SHARE if wants_gpu(compute) else 0.0


def nodes() -> list[Node]:
    """The cluster's nodes that are alive."""
    alive = [(node["NodeID"], node["Resources"]) for node in ray.nodes() if node["Alive"]]
    return [Node(name, has.get("CPU", 0.0), has.get("GPU", 0.0)) for name, has in alive]


class RemoteEngine(Engines):
    """Engines in actors. `at_once`: how many responses each samples at once."""

    def __init__(
        self,
        model: str,
        at_once: int,
        compute: Compute,
        settings: EngineSettings = EngineSettings(),
        faults: Faults = Faults(),
        gpus: float | None = None,
    ) -> None:
        """`gpus`: what each reserves; a share of one by default, where there is any."""
        self.model = model
        reserved = _gpus(compute) if gpus is None else gpus

        def start(number: int) -> RayProcess:
            arguments = (self.model, at_once, compute, settings, number)
            return RayProcess(EngineActor, *arguments, gpus=reserved, **_spread(settings.replicas))

        super().__init__(start, settings.replicas, faults, at_once, LANES if settings.kind == "vllm" else 1)

    async def open(self, model: str) -> None:
        """Another checkpoint in every engine."""
        self.model = model
        await self.all("open", model)

    async def encode(self, tasks: Sequence[Task], max_tokens: int) -> tuple[list[Prompt], int]:
        encoded: tuple[list[Prompt], int] = await self.any("encode", tasks, max_tokens)
        return encoded


class RemoteLearner(Learner):
    """The learner's ranks, each in an actor."""

    def __init__(self, config: RL, batch_of: BatchOf, gpus: float | None = None) -> None:
        reserved = _gpus(config.compute) if gpus is None else gpus

        def start() -> RankGroup:
            options = {"concurrency_groups": {"pulse": 1}, **_spread(config.scale.ranks)}
            numbers = range(config.scale.ranks)
            return RankGroup([RayProcess(LearnerActor, config, n, gpus=reserved, **options) for n in numbers])

        super().__init__(start, config.faults, batch_of)


class RemoteGrader(Graders):
    """Graders in actors."""

    def __init__(self, grading: Grading, faults: Faults = Faults()) -> None:
        def start(number: int) -> RayProcess:
            return RayProcess(GraderActor, grading, **_spread(grading.replicas))

        super().__init__(start, grading.replicas, faults)


def _spread(replicas: int) -> dict[str, Any]:
    """Options: several of a kind go to different nodes, where there are some."""
    return {"scheduling_strategy": "SPREAD"} if replicas > 1 else {}
