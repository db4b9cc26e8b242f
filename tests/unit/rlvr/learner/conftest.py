"""Batches that a tiny model could have sampled."""

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from rlvr.config import RL, Optim, Tasks
from rlvr.samples import Rollout, Sample

MakeConfig = Callable[..., RL]

settings.register_profile("patient", deadline=None)  # a busy machine is no defect
settings.load_profile("patient")


@pytest.fixture
def config(tiny_model: Path) -> MakeConfig:
    """A configuration of the tiny model with an eager learning rate."""

    def make(**changes: Any) -> RL:
        ordinary: dict[str, Any] = {"optim": Optim(lr=1e-2), "steps": 10, "model": str(tiny_model)}
        return RL(tasks=Tasks(train=""), **{**ordinary, **changes})

    return make


@pytest.fixture
def samples(rollout: Callable[..., Rollout]) -> list[Sample]:
    """Twelve ragged samples, every third token of which the policy did not sample."""
    rng = random.Random(0)
    made = []
    for i in range(12):
        n = rng.randint(1, 9)
        made.append(
            rollout(
                str(i),
                tuple(rng.randrange(250) for _ in range(n)),
                prompt_ids=tuple(rng.randrange(250) for _ in range(rng.randint(1, 7))),
                mask=tuple(int(t % 3 != 2) for t in range(n)),
                logprobs=tuple(-math.log(250) + rng.gauss(0, 0.3) for _ in range(n)),
                finish="length" if i % 4 == 0 else "stop",
            )
        )
    return [Sample(r, rng.choice((-1.0, 0.5, 2.0)), reward=i % 3 / 2) for i, r in enumerate(made)]
