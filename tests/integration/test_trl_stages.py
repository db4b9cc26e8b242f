"""SFT, DPO and the reward model: a killed one ends as if nothing had been; what a reward model is good for."""

import json
import os
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from rlvr import tiny
from rlvr.chat import encode_conversations
from rlvr.config import Critic, Scale
from rlvr.learner import policy
from rlvr.learner.batch import pack, padded
from rlvr.records.runlog import read
from rlvr.samples import Rollout, Sample
from rlvr.tasks import procedural

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(900)]

ROWS = 96
CONFIG = """
stage = "{stage}"
model = "{folder}/base"
data = "{folder}/{data}.jsonl"
out = "{folder}/{name}"
epochs = 2
batch_size = 4
checkpoint_every = 7
optim = {{ lr = 3e-3, warmup_steps = 3, schedule = "cosine" }}
compute = {{ threads = 1 }}
"""
DATA = {"sft": "conversations", "dpo": "pairs", "reward-model": "pairs"}
PPO = """
stage = "rl"
preset = "ppo"
model = "{folder}/base"
out = "{folder}/ppo"
steps = 3
prompts_per_step = 8
max_lag = 0
sampling = {{ max_tokens = 8 }}
tasks = {{ train = "{folder}/tasks.jsonl" }}
optim = {{ lr = 1e-3 }}
critic = {{ model = "{folder}/reward-model/model", optim = {{ lr = 1e-3 }} }}
compute = {{ threads = 1 }}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows nothing, tasks, right answers to them, and slips beside them."""
    folder = tmp_path_factory.mktemp("stages")
    problems = list(islice(procedural.problems(0, "train", "instructions"), ROWS))
    tiny.build(folder / "base", [p.prompt + p.right for p in problems], vocabulary=300, hidden=16, layers=1, seed=0)

    def turn(role: str, text: str) -> list[dict[str, str]]:
        return [{"role": role, "content": text}]

    rows: dict[str, list[Any]] = {
        "conversations": [{"messages": turn("user", p.prompt) + turn("assistant", p.right)} for p in problems],
        "pairs": [
            {
                "prompt": turn("user", p.prompt),
                "chosen": turn("assistant", p.right),
                "rejected": turn("assistant", p.slipped),
            }
            for p in problems
        ],
        "tasks": [p.task().model_dump(mode="json") for p in problems],
    }
    for name, found in rows.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in found))
    return folder


def command(folder: Path, stage: str, name: str, *more: str) -> list[str]:
    path = folder / f"{name}.toml"
    path.write_text(CONFIG.format(stage=stage, folder=folder, data=DATA[stage], name=name))
    return [sys.executable, "-m", "rlvr.cli", stage, str(path), *more]


def finish(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]


def kill_after(out: Path, command: list[str], step: int) -> None:
    """Kill -9 the run once it has logged so many steps, and the worker with it."""
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 300
    while max((row["step"] for row in read(out)), default=0) < step:
        assert run.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline, "the run made no progress"
        time.sleep(0.01)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()


def rows(out: Path) -> list[dict[str, Any]]:
    """All but the clock's."""
    return [{key: value for key, value in row.items() if key != "seconds"} for row in read(out)]


@pytest.mark.parametrize("stage", ["sft", "dpo", "reward-model"])
def test_several_workers_train_one_model(folder: Path, stage: str) -> None:
    """Of half the batch each; what the first one computes for all of them, such as a reference, they find."""
    name = f"two-{stage}"
    run = command(folder, stage, name, "workers=2", "epochs=1")
    finish(run)
    assert max(row["step"] for row in read(folder / name)) == ROWS / 4
    assert (folder / name / "model" / "model.safetensors").exists()


@pytest.mark.parametrize(("stage", "step"), [("sft", 10), ("dpo", 20), ("reward-model", 25)])
def test_a_killed_stage_ends_like_one_that_was_not(folder: Path, stage: str, step: int) -> None:
    finish(command(folder, stage, stage))
    killed = f"killed-{stage}"
    kill_after(folder / killed, command(folder, stage, killed), step)
    begun = subprocess.run(command(folder, stage, killed), capture_output=True, text=True, timeout=100)
    assert begun.returncode == 2
    assert "already holds a run; add --resume" in begun.stderr
    finish(command(folder, stage, killed, "--resume"))
    assert rows(folder / killed) == rows(folder / stage)
    assert rows(folder / stage)[-1]["step"] == 2 * ROWS / 4
    expected = load_file(folder / stage / "model" / "model.safetensors")
    for name, tensor in load_file(folder / killed / "model" / "model.safetensors").items():
        assert torch.equal(tensor, expected[name]), name


def test_the_reward_model_prefers_what_is_right_and_is_where_a_critic_starts(folder: Path) -> None:
    if not (folder / "reward-model" / "model").exists():
        finish(command(folder, "reward-model", "reward-model"))
    name = folder / "reward-model" / "model"
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForSequenceClassification.from_pretrained(name)
    pairs = [json.loads(line) for line in (folder / "pairs.jsonl").read_text().splitlines()]
    critic = policy.load_critic(Critic(model=str(name)), str(folder / "base"), Scale()).eval()
    better = []
    for pair in pairs:
        scores = []
        for side in ("chosen", "rejected"):
            [encoded], _ = encode_conversations(tokenizer, [pair["prompt"] + pair[side]], 512)
            with torch.no_grad():
                scores.append(float(model(torch.tensor([encoded.ids])).logits))
                value = critic(padded(pack([sample(encoded.ids)]), [0], pad=0))
            # The value before a token that follows is the reward model's score of all that stands.
            assert float(value[-1]) == pytest.approx(scores[-1], abs=1e-5)
        better.append(scores[0] > scores[1])
    assert sum(better) / len(better) > 0.8


def sample(ids: list[int]) -> Sample:
    """A response of one more token to all of these."""
    return Sample(Rollout("0", tuple(ids), (1,), (1,), (0.0,), (0,), "stop", ""), 0.0)


def test_ppo_from_the_reward_model(folder: Path) -> None:
    if not (folder / "reward-model" / "model").exists():
        finish(command(folder, "reward-model", "reward-model"))
    (folder / "ppo.toml").write_text(PPO.format(folder=folder))
    finish([sys.executable, "-m", "rlvr.cli", "rl", str(folder / "ppo.toml")])
    found = rows(folder / "ppo")
    assert [row["step"] for row in found] == [0, 1, 2, 3]
    for row in found[1:]:
        assert row["samples"] == 8
        assert row["skipped"] == 0
        assert row["value_loss"] > 0
        assert row["critic_grad_norm"] > 0
    state = torch.load(folder / "ppo" / "checkpoints" / "step-000003" / "learner.pt", weights_only=True)
    assert set(state["models"]) == set(state["optimizers"]) == {"policy", "critic"}
    started = load_file(folder / "reward-model" / "model" / "model.safetensors")
    assert not torch.equal(state["models"]["critic"]["score.weight"], started["score.weight"])
