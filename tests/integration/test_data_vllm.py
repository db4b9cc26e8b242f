"""vLLM in this process as a teacher: chat and completions, seeds, stop texts, and a whole recipe."""

import asyncio
import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from rlvr import tiny
from rlvr.data.magpie import Magpie, MagpieConfig
from rlvr.data.make import make
from rlvr.data.request import Reply, Request, Sampling
from rlvr.data.teachers.config import VLLMTeacher
from rlvr.data.teachers.vllm import VLLM
from rlvr.errors import UserError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore"),  # vLLM's own
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed here: make test-vllm"),
]
TEXTS = ["Add 3 and 4.", "What is the sum of 10 and 20?", "Say the word again."] * 20
ON_CPU: dict[str, Any] = {"max_model_len": 256, "max_num_seqs": 32}
ON_GPU: dict[str, Any] = {"max_model_len": 256, "gpu_memory_utilization": 0.2}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> VLLMTeacher:
    folder = tmp_path_factory.mktemp("model")
    tiny.build(folder, TEXTS, vocabulary=300, hidden=128, layers=2, seed=0)
    return VLLMTeacher(model=str(folder), options=ON_GPU if torch.cuda.is_available() else ON_CPU)


async def answers(config: VLLMTeacher, requests: list[Request], seeds: list[int]) -> list[Reply]:
    teacher = VLLM(config)
    try:
        return await asyncio.gather(*(teacher.ask(one, seed) for one, seed in zip(requests, seeds, strict=True)))
    finally:
        await teacher.close()


def test_it_answers(config: VLLMTeacher) -> None:
    sampling = Sampling(temperature=1.0, max_tokens=12)
    long = Request(sampling, prompt="word " * 400)
    chat = Request(sampling, messages=[{"role": "user", "content": "Add 3 and 4."}])
    text = Request(sampling, prompt="Add 3 and")
    stopping = replace(text, sampling=Sampling(temperature=0.0, max_tokens=12, stop=("e",)))
    one, same, other, continued, stopped, refused = asyncio.run(
        answers(config, [chat, chat, chat, text, stopping, long], [1, 1, 2, 3, 4, 5])
    )
    assert one == same
    assert one.text != other.text
    assert one.usage.input_tokens > continued.usage.input_tokens > 0  # the chat template
    assert continued.usage.output_tokens <= 12
    assert "e" not in stopped.text
    assert refused.finish_reason == "refused"


def test_a_wrong_option_is_the_users_error(config: VLLMTeacher) -> None:
    wrong = config.model_copy(update={"options": {"max_modl_len": 3}})
    with pytest.raises(UserError, match=r"teacher options: .*max_modl_len"):
        asyncio.run(answers(wrong, [Request(Sampling(), prompt="x")], [0]))


def test_a_recipe_runs_twice_alike(config: VLLMTeacher, tmp_path: Path) -> None:
    """An untrained model writes noise, and noise is rejected; but it is the same noise."""
    settings = {"teacher": config, "before_query": "<|user|>", "after_query": "<|end|>", "batch": 8, "patience": 1}
    short = {"query": {"max_tokens": 16}, "answer": {"max_tokens": 16}}
    for out in ("one", "two"):
        made = make(Magpie, MagpieConfig.model_validate({"out": tmp_path / out, **settings, **short}), local=True)
        assert made.manifest["complete"]
    assert (tmp_path / "one/rejected.jsonl").read_bytes() == (tmp_path / "two/rejected.jsonl").read_bytes()
