"""The whole path on a small model: tasks, SFT, DPO, RL, evaluation and report, each stage a Ray job."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(900)]

FAMILIES = {"math", "code", "instructions"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo") / "run"
    done = subprocess.run(
        [sys.executable, "-m", "rlvr.cli", "demo", "--quick", "--out", str(out)],
        capture_output=True,
        text=True,
        timeout=800,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "Held-out accuracy" in done.stdout
    return out


def test_summary_keeps_its_contract(demo: Path) -> None:
    summary = json.loads((demo / "summary.json").read_text())
    assert list(summary["stages"]) == ["base", "sft", "dpo", "rl"]
    for scores in summary["stages"].values():
        assert scores["families"].keys() == FAMILIES
        assert 0 <= scores["accuracy"] <= 1
    assert summary["seconds"] > 0
    assert (demo / "report.html").stat().st_size > 10_000


def test_training_helps(demo: Path) -> None:
    stages = json.loads((demo / "summary.json").read_text())["stages"]
    assert stages["base"]["accuracy"] < stages["rl"]["accuracy"]
    losses = [json.loads(line)["loss"] for line in (demo / "sft" / "metrics.jsonl").read_text().splitlines()]
    assert losses[-1] < losses[0] / 2


def test_generate_gives_the_evaluations_answers(demo: Path) -> None:
    """What a user gets from `from_pretrained` and `generate` is what was judged."""
    model = AutoModelForCausalLM.from_pretrained(demo / "rl" / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(demo / "rl" / "model")
    rows = [json.loads(line) for line in (demo / "evaluate" / "rl.jsonl").read_text().splitlines()]
    assert len(rows) == 160
    for row in rows[::5]:
        ids = tokenizer.apply_chat_template(
            row["task"]["prompt"], add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        with torch.inference_mode():
            output = model.generate(**ids, max_new_tokens=40, do_sample=False)
        answer = tokenizer.decode(output[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)
        assert answer == row["response"], row["task"]["id"]


def test_held_out_problems_were_never_trained_on(demo: Path) -> None:
    def prompts(name: str) -> set[str]:
        rows = (json.loads(line) for line in (demo / "tasks" / f"{name}.jsonl").read_text().splitlines())
        return {(row.get("prompt") or row["messages"])[0]["content"] for row in rows}

    held = prompts("held_out")
    assert not held & (prompts("train") | prompts("validation") | prompts("demonstrations"))
