"""The same step on one process, and on two gloo ranks with whole copies and with FSDP2: the same gradients."""

import pickle
import random
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlvr import tiny
from rlvr.config import RL
from rlvr.samples import Rollout, Sample

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SCRIPT = Path(__file__).with_name("rank_gradients.py")
PPO = {"preset": "ppo", "group_size": 2, "epochs": 1, "critic": {"optim": {"lr": 1e-2, "max_grad_norm": 1e9}}}
SETTINGS: dict[str, dict[str, Any]] = {
    "copies": {"scale": {"shard": False}},
    "shards": {},
    "packed": {"scale": {"layout": "packed"}},
    "sequences": {"objective": {"aggregation": "sequence"}, "minibatches": 2},
    "recomputed": {"scale": {"recompute": True}},
    "adapters": {"scale": {"shard": False, "lora": {"rank": 4}}},
    "critic": PPO,
    "one-cut": {"micro_batch_tokens": 100_000},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ranks")
    tiny.build(folder / "tiny", ["a few words to make tokens of"] * 9, vocabulary=300, hidden=16, layers=2, seed=0)
    rng = random.Random(0)
    samples = []
    for i in range(12):
        n = rng.randint(1, 30)
        rollout = Rollout(
            id=f"000000/0/{i // 2:04}/{i:03}",
            prompt_ids=tuple(rng.randrange(250) for _ in range(rng.randint(1, 9))),
            response_ids=tuple(rng.randrange(250) for _ in range(n)),
            mask=tuple(int(t % 3 != 2) for t in range(n)),
            logprobs=tuple(-5.5 + rng.gauss(0, 0.3) for _ in range(n)),
            versions=(0,) * n,
            finish="stop",
            text="",
        )
        samples.append(Sample(rollout, rng.choice((-1.0, 0.5, 2.0)), float(i % 3)))
    common = {"tasks": {"train": "-"}, "model": str(folder / "tiny"), "micro_batch_tokens": 60, "steps": 5}
    common["optim"] = {"lr": 1e-3, "max_grad_norm": 1e9}
    configs = {name: RL.model_validate(common | settings) for name, settings in SETTINGS.items()}
    (folder / "work.pickle").write_bytes(pickle.dumps((configs, samples)))
    return folder


def run(folder: Path, size: int) -> Any:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    command = [sys.executable, str(SCRIPT), str(folder), address]
    ranks = [
        subprocess.Popen([*command, str(number), str(size)], stderr=subprocess.PIPE, text=True)
        for number in range(size)
    ]
    try:
        for rank in ranks:
            _, problem = rank.communicate(timeout=400)
            assert rank.returncode == 0, problem[-3000:]
    finally:
        for rank in ranks:
            rank.kill()
    return pickle.loads((folder / f"found-{size}.pickle").read_bytes())


@pytest.fixture(scope="module")
def alone(folder: Path) -> Any:
    return run(folder, 1)


@pytest.fixture(scope="module")
def two(folder: Path) -> Any:
    return run(folder, 2)


@pytest.mark.parametrize("name", SETTINGS)
def test_two_ranks_have_the_gradients_of_one(alone: Any, two: Any, name: str) -> None:
    one, both = alone[name], two[name]
    assert one["grads"].keys() == both["grads"].keys()
    for key, gradient in one["grads"].items():
        np.testing.assert_allclose(both["grads"][key], gradient, atol=1e-6, rtol=1e-5, err_msg=key)
    assert max(float(abs(g).max()) for g in one["grads"].values()) > 1e-3
    for key, weights in one["weights"].items():
        np.testing.assert_allclose(
            both["weights"][key], weights, atol=2e-3
        )  # Adam's steps are the rate, whatever the sign
    for key in one["metrics"][0].keys() - {"fingerprint"}:
        assert both["metrics"][0][key] == pytest.approx(one["metrics"][0][key], rel=1e-4, abs=1e-5), key


@pytest.mark.parametrize("other", ["copies", "packed", "recomputed", "one-cut"])
def test_layout_recomputation_and_cuts_do_not_change_gradients(alone: Any, other: str) -> None:
    for key, gradient in alone["shards"]["grads"].items():
        np.testing.assert_allclose(alone[other]["grads"][key], gradient, atol=1e-6, rtol=1e-5, err_msg=key)


@pytest.mark.parametrize("name", SETTINGS)
def test_what_was_saved_goes_on_bit_for_bit(alone: Any, two: Any, name: str) -> None:
    for found in (alone, two):
        assert found[name]["resumed"] == found[name]["metrics"][1]
