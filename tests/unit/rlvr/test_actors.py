"""What the actors do in their own process, and what Ray's errors mean to the loop. No cluster is needed for either."""

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

import pytest
import torch

ray = pytest.importorskip("ray")

from ray.exceptions import ActorDiedError, ObjectLostError, OutOfMemoryError  # noqa: E402

from rlvr.actors import EngineActor, _losses  # noqa: E402
from rlvr.faults import Gone, Lost  # noqa: E402


class Engine:
    dtype = torch.float32

    async def load(self, weights: Mapping[str, Any], version: int) -> None: ...

    async def fingerprint(self) -> int:
        return 7


def test_an_engine_answers_while_it_proves_its_weights() -> None:
    """To prove them it reads every number, which takes long for a large model; it would be taken for dead."""
    checking, pinged = threading.Event(), threading.Event()

    class Weights:
        arrays: Mapping[str, Any] = {}

        def check(self, version: int, found: int, dtype: torch.dtype, name: str) -> None:
            assert (version, found, dtype, name) == (3, 7, torch.float32, "engine 0")
            checking.set()
            assert pinged.wait(10), "no ping was answered"

    async def test() -> None:
        actor = object.__new__(EngineActor)
        actor.name, actor.turn, actor.engine = "engine 0", asyncio.Lock(), Engine()
        loading = asyncio.create_task(actor.load(Weights(), 3))
        assert await asyncio.to_thread(checking.wait, 10)
        assert await actor.ping()
        pinged.set()
        await loading

    asyncio.run(asyncio.wait_for(test(), 20))


@pytest.mark.parametrize(
    ("error", "meaning", "said"),
    [
        (ActorDiedError(), Lost, "its process died"),
        (OutOfMemoryError("killed"), Lost, "low on memory"),
        (ObjectLostError("ab", None, ""), Gone, "lost"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_ray_says_of_the_dead(error: Exception, meaning: type[Exception], said: str) -> None:
    with pytest.raises(meaning, match=said), _losses():
        raise error
