"""vLLM beside the reference engine: the same log-probabilities, and always the weights that it should have."""

import asyncio
import importlib.util
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from rlvr import tiny
from rlvr.config import EngineSettings, Sampling
from rlvr.engines.transformers import TransformersEngine
from rlvr.samples import Request, Rollout
from rlvr.sync import SyncFailed, Weights
from rlvr.tasks import procedural
from verifiers import Task

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore"),  # vLLM's own
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed here: make test-vllm"),
]

TOLERANCE = 1e-3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vllm")
    texts = [p.prompt for p, _ in zip(procedural.problems(0, "train"), range(60), strict=False)]
    tiny.build(folder / "base", texts, vocabulary=300, hidden=128, layers=2, seed=0)
    torch.set_num_threads(1)
    model = AutoModelForCausalLM.from_pretrained(folder / "base")
    with torch.no_grad():  # distributions that are far from even
        for name, parameter in model.named_parameters():
            if "norm" not in name:
                parameter.mul_(6.0)
    model.save_pretrained(folder / "base")
    return folder


@pytest.fixture(scope="module")
def engine(folder: Path) -> "VllmEngine":  # type: ignore[name-defined]  # noqa: F821
    from rlvr.engines.vllm import VllmEngine

    return VllmEngine(folder / "base", 64, EngineSettings(kind="vllm"), "cpu")


def ask(count: int, each: int = 8) -> list[Request]:
    return [
        Request(f"{i:03}/{j}", tuple(range(20 + i, 30 + 2 * i)), 1000 * i + j)
        for i in range(count)
        for j in range(each)
    ]


def sample(engine: "VllmEngine", requests: list[Request], **sampling: float) -> list[Rollout]:  # type: ignore[name-defined]  # noqa: F821
    async def gather() -> list[Rollout]:
        return [rollout async for rollout in engine.sample(requests, Sampling(**sampling))]

    return sorted(asyncio.run(gather()), key=lambda rollout: rollout.id)


def differences(model: torch.nn.Module, rollouts: list[Rollout], temperature: float) -> torch.Tensor:
    """Of every sampled token: its log-probability in the rollout less that of a plain forward pass."""
    found = []
    for rollout in rollouts:
        ids = torch.tensor([[*rollout.prompt_ids, *rollout.response_ids]])
        with torch.no_grad():
            logprobs = (model(ids).logits[0].float() / temperature).log_softmax(-1)
        places = torch.arange(len(rollout.prompt_ids) - 1, ids.shape[1] - 1)
        expected = logprobs[places, list(rollout.response_ids)]
        found.append(torch.tensor(rollout.logprobs) - expected)
    return torch.cat(found)


def nudged(model: torch.nn.Module, seed: int) -> dict[str, "np.ndarray[tuple[int, ...], np.dtype[np.float32]]"]:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return {name: parameter.detach().numpy() for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_log_probabilities_agree_with_a_forward_pass(folder: Path, engine: "VllmEngine", temperature: float) -> None:  # type: ignore[name-defined]  # noqa: F821
    model = AutoModelForCausalLM.from_pretrained(folder / "base")
    rollouts = sample(engine, ask(8), temperature=temperature, max_tokens=40)
    found = differences(model, rollouts, temperature)
    assert len(found) > 1000
    assert found.abs().max() < TOLERANCE
    assert {rollout.finish for rollout in rollouts} == {"stop", "length"} or len(found) == 8 * 8 * 40
    assert len({rollout.response_ids for rollout in rollouts}) > 32


def test_greedy_responses_are_those_of_the_reference_engine(folder: Path, engine: "VllmEngine") -> None:  # type: ignore[name-defined]  # noqa: F821
    reference = TransformersEngine(folder / "base")
    expected = sample(reference, ask(16, each=1), temperature=0.0, max_tokens=24)
    found = sample(engine, ask(16, each=1), temperature=0.0, max_tokens=24)
    assert [rollout.response_ids for rollout in found] == [rollout.response_ids for rollout in expected]
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours.finish, ours.text, ours.mask) == (theirs.finish, theirs.text, theirs.mask)


def test_a_seed_gives_the_same_response_again(engine: "VllmEngine") -> None:  # type: ignore[name-defined]  # noqa: F821
    first = sample(engine, ask(2), temperature=1.0, max_tokens=10)
    assert [r.response_ids for r in sample(engine, ask(2), temperature=1.0, max_tokens=10)] == [
        r.response_ids for r in first
    ]


def test_more_prompt_tokens_than_one_step_takes(engine: "VllmEngine") -> None:  # type: ignore[name-defined]  # noqa: F821
    requests = [Request(f"{i:03}", tuple(20 + (i * 7 + j) % 200 for j in range(90)), i) for i in range(64)]
    assert len(sample(engine, requests, temperature=1.0, max_tokens=4)) == 64


def test_after_every_update_it_has_the_learners_weights(folder: Path, engine: "VllmEngine") -> None:  # type: ignore[name-defined]  # noqa: F821
    model = AutoModelForCausalLM.from_pretrained(folder / "base")
    for version in (1, 2, 3):
        weights = Weights.of(version, nudged(model, version))
        asyncio.run(engine.load(weights.arrays, version))
        weights.check(version, asyncio.run(engine.fingerprint()), engine.dtype, "engine 0")
        rollouts = sample(engine, ask(4), temperature=1.0, max_tokens=20)
        assert differences(model, rollouts, 1.0).abs().max() < TOLERANCE
        assert {v for rollout in rollouts for v in rollout.versions} == {version}


def test_an_update_that_fails_is_noticed(folder: Path, engine: "VllmEngine") -> None:  # type: ignore[name-defined]  # noqa: F821
    model = AutoModelForCausalLM.from_pretrained(folder / "base")
    weights = Weights.of(4, nudged(model, 4))
    lost = "model.layers.1.self_attn.k_proj.weight"
    asyncio.run(engine.load({name: array for name, array in weights.arrays.items() if name != lost}, 4))
    with pytest.raises(SyncFailed, match="does not have the learner's weights after the update to version 4"):
        weights.check(4, asyncio.run(engine.fingerprint()), engine.dtype, "engine 0")
    asyncio.run(engine.load(weights.arrays, 4))
    weights.check(4, asyncio.run(engine.fingerprint()), engine.dtype, "engine 0")


def test_an_update_takes_over_between_two_tokens(folder: Path, engine: "VllmEngine") -> None:  # type: ignore[name-defined]  # noqa: F821
    model = AutoModelForCausalLM.from_pretrained(folder / "base")
    asyncio.run(engine.load(nudged(model, 0), 10))

    async def both() -> list[Rollout]:
        async def gather() -> list[Rollout]:
            return [r async for r in engine.sample(ask(4), Sampling(temperature=1.0, max_tokens=300))]

        sampling = asyncio.create_task(gather())
        await asyncio.sleep(0.3)
        await engine.load(nudged(model, 1), 11)
        return await sampling

    rollouts = asyncio.run(both())
    assert all(list(rollout.versions) == sorted(rollout.versions) for rollout in rollouts)
    assert any(set(rollout.versions) == {10, 11} for rollout in rollouts)


def test_a_prompt_seen_before_an_update_is_read_anew_after_it(folder: Path, engine: "VllmEngine") -> None:  # type: ignore[name-defined]  # noqa: F821
    """Also while others are under way, which keep vLLM from forgetting what it has cached of the old weights."""
    model = AutoModelForCausalLM.from_pretrained(folder / "base")
    asyncio.run(engine.load(nudged(model, 0), 20))
    seen = [Request("seen", tuple(20 + (7 * j) % 200 for j in range(300)), 1)]
    sample(engine, seen, temperature=0.0, max_tokens=4)

    async def beside_a_long_one() -> list[Rollout]:
        async def gather(requests: list[Request], max_tokens: int) -> list[Rollout]:
            sampling = Sampling(temperature=1.0, max_tokens=max_tokens)
            return [rollout async for rollout in engine.sample(requests, sampling)]

        long = asyncio.create_task(gather(ask(4), 400))
        await asyncio.sleep(0.3)
        await engine.load(nudged(model, 1), 21)
        assert not long.done()
        found = await gather(seen, 8)
        await long
        return found

    rollouts = asyncio.run(beside_a_long_one())
    assert set(rollouts[0].versions) == {21}
    assert differences(model, rollouts, 1.0).abs().max() < TOLERANCE


CONFIG = """
stage = "rl"
model = "{folder}/base"
out = "{folder}/run"
steps = 3
prompts_per_step = 4
group_size = 4
max_lag = 1
refill = 0
engine = {{ kind = "vllm" }}
sampling = {{ max_tokens = 6 }}
tasks = {{ train = "{folder}/tasks.jsonl", validation = "{folder}/tasks.jsonl", limit = 12, contaminated = "keep" }}
compute = {{ threads = 1 }}
"""


@pytest.mark.ray
def test_a_run_samples_with_it(folder: Path) -> None:
    words = {"num_words": 2, "relation": "at least"}
    reference = {"instruction_id_list": ["length_constraints:number_words"], "kwargs": [words]}
    tasks = [Task(id=f"t{i}", prompt=f"{i} words", verifier="instructions", reference=reference) for i in range(24)]
    (folder / "tasks.jsonl").write_text("\n".join(task.model_dump_json() for task in tasks))
    (folder / "run.toml").write_text(CONFIG.format(folder=folder))
    command = [sys.executable, "-m", "rlvr.cli", "rl", str(folder / "run.toml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, env=os.environ)
    assert done.returncode == 0, done.stderr[-3000:]
    with sqlite3.connect(folder / "run" / "journal.sqlite") as db:
        assert db.execute("SELECT max(step), count(*) FROM steps WHERE step > 0").fetchone() == (3, 3)
        lags = db.execute("SELECT count(*) FROM rollouts WHERE state = 'trained'").fetchone()
    db.close()
    assert lags[0] > 0
