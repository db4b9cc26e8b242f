"""The reference engine beside transformers' own `generate` and the learner's log-probabilities."""

import asyncio
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, GenerationConfig

from rlvr.config import RL, Sampling, Tasks
from rlvr.engines.transformers import TransformersEngine, uniforms
from rlvr.learner.batch import pack
from rlvr.learner.step import Learner
from rlvr.samples import Request, Rollout, Sample
from rlvr.sync import Weights

PROMPTS = [(40, 41, 42), (50,), (60, 61, 62, 63, 64, 65, 66), (70, 71)]
GREEDY = Sampling(temperature=0.0, max_tokens=12)
SHARP = 40.0
"""Random weights times this give logits that no rounding noise can reorder."""


@pytest.fixture(scope="module")
def sharp(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint whose distributions are far from even, and which ends a response with either of two tokens."""
    folder = tmp_path_factory.mktemp("sharp") / "model"
    shutil.copytree(tiny_model, folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" not in name:
                parameter.mul_(SHARP)
    model.save_pretrained(folder)
    config = json.loads((folder / "generation_config.json").read_text())
    config["eos_token_id"] = [*config["eos_token_id"], 7]
    (folder / "generation_config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def engine(sharp: Path) -> TransformersEngine:
    return TransformersEngine(sharp, batch_size=5)


def ask(prompts: Sequence[tuple[int, ...]], each: int = 1) -> list[Request]:
    return [Request(f"{i}/{j}", prompt, 1000 * i + j) for i, prompt in enumerate(prompts) for j in range(each)]


def sample(engine: TransformersEngine, requests: Sequence[Request], sampling: Sampling) -> dict[str, Rollout]:
    async def gather() -> list[Rollout]:
        return [rollout async for rollout in engine.sample(requests, sampling)]

    rollouts = asyncio.run(gather())
    assert len(rollouts) == len(requests)
    return {rollout.id: rollout for rollout in rollouts}


def test_each_request_is_answered_once_and_whole(engine: TransformersEngine) -> None:
    requests = ask(PROMPTS, each=4)
    rollouts = sample(engine, requests, Sampling(max_tokens=20))
    assert rollouts.keys() == {request.id for request in requests}
    for request in requests:
        r = rollouts[request.id]
        n = len(r.response_ids)
        assert r.prompt_ids == request.prompt_ids
        assert 1 <= n <= 20
        assert len(r.mask) == len(r.logprobs) == len(r.versions) == n
        assert set(r.mask) == {1}
        assert max(r.logprobs) <= 0
        ended = r.response_ids[-1] in engine.stop_ids
        assert r.finish == ("stop" if ended else "length")
        assert ended or n == 20
        assert not engine.stop_ids & set(r.response_ids[:-1])
        assert r.text == engine.tokenizer.decode(r.response_ids, skip_special_tokens=True)
    assert {r.finish for r in rollouts.values()} == {"stop", "length"}
    assert len({r.response_ids for r in rollouts.values()}) > 4


def test_greedy_is_transformers_own_token_for_token(engine: TransformersEngine, sharp: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(sharp)
    stops = sorted(engine.stop_ids)
    config = GenerationConfig(do_sample=False, max_new_tokens=12, eos_token_id=stops, pad_token_id=0)
    for prompt, rollout in zip(PROMPTS, sample(engine, ask(PROMPTS), GREEDY).values(), strict=False):
        ids = torch.tensor([rollout.prompt_ids])
        [own] = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=config).tolist()
        assert rollout.response_ids == tuple(own[len(rollout.prompt_ids) :]), prompt


def test_a_response_does_not_depend_on_what_is_sampled_beside_it(engine: TransformersEngine) -> None:
    """Up to rounding noise, which tips a draw when a uniform number falls within it (once in some thousand)."""
    requests = ask(PROMPTS, each=3)
    together = sample(engine, requests, Sampling(max_tokens=15))
    tipped = 0
    for request in requests:
        beside = together[request.id]
        alone = sample(engine, [request], Sampling(max_tokens=15))[request.id]
        tipped += alone.response_ids != beside.response_ids
        same = [a == b for a, b in zip(alone.response_ids, beside.response_ids, strict=False)]
        until = same.index(False) if False in same else len(same)
        np.testing.assert_allclose(alone.logprobs[:until], beside.logprobs[:until], atol=1e-4)
    assert tipped <= 1
    assert sample(engine, requests[::-1], Sampling(max_tokens=15)).keys() == together.keys()


@pytest.mark.parametrize("temperature", [0.7, 1.0])
def test_the_learner_finds_the_same_log_probabilities(
    engine: TransformersEngine, sharp: Path, temperature: float
) -> None:
    sampling = Sampling(temperature=temperature, max_tokens=10)
    rollouts = list(sample(engine, ask(PROMPTS, each=2), sampling).values())
    learner = Learner(RL(tasks=Tasks(train=""), model=str(sharp), sampling=sampling))
    samples = [Sample(r, 0.0) for r in rollouts]
    torch.testing.assert_close(learner.logprobs(samples), pack(samples).sampler, atol=1e-4, rtol=1e-4)


def test_what_is_sampled_follows_the_distribution(engine: TransformersEngine) -> None:
    first = [r.response_ids[0] for r in sample(engine, ask(PROMPTS[:1], each=400), Sampling(max_tokens=1)).values()]
    with torch.no_grad():
        expected = engine.model(torch.tensor(PROMPTS[:1])).logits[0, -1].softmax(-1).numpy()
    share = np.bincount(first, minlength=len(expected)) / len(first)
    assert np.abs(share - expected).max() < 0.08  # over three standard deviations
    assert expected.max() > 0.1


def test_any_of_several_tokens_ends_a_response(engine: TransformersEngine) -> None:
    assert engine.stop_ids == {7, engine.tokenizer.eos_token_id}
    rollouts = sample(engine, ask(PROMPTS, each=40), Sampling(max_tokens=20)).values()
    assert {r.response_ids[-1] for r in rollouts if r.finish == "stop"} == engine.stop_ids


def test_one_long_prompt_does_not_shorten_the_others(engine: TransformersEngine) -> None:
    long = tuple([40] * (engine.context - 3))
    rollouts = sample(engine, [Request("short", (50,), 0), Request("long", long, 1)], GREEDY)
    assert len(rollouts["long"].response_ids) <= 3
    assert rollouts["short"].response_ids == sample(engine, ask(PROMPTS), GREEDY)["1/0"].response_ids


def test_a_prompt_without_room_is_an_error(engine: TransformersEngine) -> None:
    with pytest.raises(ValueError, match=f"a prompt of {engine.context} tokens leaves no room"):
        sample(engine, ask([(1,) * engine.context]), GREEDY)
    assert sample(engine, [], GREEDY) == {}


def test_loaded_weights_are_used_and_their_version_is_carried(sharp: Path, tiny_model: Path) -> None:
    engine, other = TransformersEngine(sharp), TransformersEngine(tiny_model)
    expected = sample(engine, ask(PROMPTS), GREEDY)
    weights = {name: value.detach().numpy() for name, value in engine.model.named_parameters()}
    assert sample(other, ask(PROMPTS), GREEDY)["0/0"].response_ids != expected["0/0"].response_ids
    asyncio.run(other.load(weights, 3))
    got = sample(other, ask(PROMPTS), GREEDY)
    assert {v for r in got.values() for v in r.versions} == {3}
    for id, r in got.items():
        shared = min(len(r.response_ids), len(expected[id].response_ids))
        assert r.response_ids[:shared] == expected[id].response_ids[:shared]
    assert asyncio.run(other.ping()) == 3


def test_uniform_numbers() -> None:
    seeds = np.array([*range(2000), 2**63 - 1, 2**64 - 1], dtype=np.uint64)
    table = np.stack([uniforms(seeds, step) for step in range(50)])
    assert table.min() >= 0
    assert table.max() < 1
    assert len(np.unique(table)) == table.size
    assert abs(table.mean() - 0.5) < 0.005
    assert np.abs(np.corrcoef(table)[np.triu_indices(50, 1)]).max() < 0.12
    np.testing.assert_array_equal(uniforms(seeds[5:9], 17), table[17, 5:9])


def test_new_weights_take_over_between_two_tokens(tiny_model: Path) -> None:
    engine = TransformersEngine(tiny_model)
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)
    weights = {name: parameter.detach().numpy() for name, parameter in model.named_parameters()}

    async def both() -> list[Rollout]:
        sampling = asyncio.create_task(gather())
        await asyncio.sleep(0.1)
        await engine.load(weights, 7)
        return await sampling

    async def gather() -> list[Rollout]:
        return [r async for r in engine.sample(ask(PROMPTS, each=4), Sampling(temperature=1.0, max_tokens=400))]

    rollouts = asyncio.run(both())
    assert all(list(rollout.versions) == sorted(rollout.versions) for rollout in rollouts)
    assert any(set(rollout.versions) == {0, 7} for rollout in rollouts)
    assert asyncio.run(engine.fingerprint()) == Weights.of(7, weights).fingerprint
