"""A model small enough for unit tests, and rollouts to train it on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rlvr import tiny
from rlvr.samples import Rollout
from rlvr.tasks.procedural import demonstrations

MakeRollout = Callable[..., Rollout]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of one layer, with the tokenizer of the procedural tasks. Not to be written to."""
    import torch

    torch.set_num_threads(1)
    texts = [message["content"] for row in demonstrations(0, 300, 0.5) for message in row["messages"]]
    folder = tmp_path_factory.mktemp("model") / "tiny"
    tiny.build(folder, texts, vocabulary=300, hidden=16, layers=1, seed=0)
    return folder


@pytest.fixture
def rollout() -> MakeRollout:
    """A rollout with the given fields, and ordinary values for the others."""

    def make(id: str = "000000/0/0000/000", response: tuple[int, ...] = (5, 6), **fields: object) -> Rollout:
        ordinary = {
            "prompt_ids": (1, 2, 3),
            "mask": (1,) * len(response),
            "logprobs": (-0.5,) * len(response),
            "versions": (0,) * len(response),
            "finish": "stop",
            "text": "text",
        }
        return Rollout(id=id, response_ids=response, **{**ordinary, **fields})  # type: ignore[arg-type]

    return make
