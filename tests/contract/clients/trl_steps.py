"""Some steps of TRL's GRPOTrainer on a small model, rewarded by the service. Runs in the project's own environment."""

import json
import os
import sys
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""

import torch
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

from rlvr import tiny
from verifiers.adapters.trl import reward_function

url, folder = sys.argv[1], Path(sys.argv[2])
torch.set_num_threads(1)
tiny.build(folder / "model", ["What is 2+3? The answer is 5."] * 20, vocabulary=300, hidden=32, layers=1, seed=0)
rows = [{"prompt": [{"role": "user", "content": f"Say a number. {n}"}], "answer": "(?s).*[0-9].*"} for n in range(16)]
seen = []


def count(completions, **columns):
    """A reward of TRL's own kind beside ours, to see what ours was given."""
    seen.extend(completions)
    return [0.0] * len(completions)


trainer = GRPOTrainer(
    model=str(folder / "model"),
    reward_funcs=[reward_function("regex", label="answer", url=url), count],
    args=GRPOConfig(
        output_dir=str(folder / "out"),
        max_steps=4,
        per_device_train_batch_size=8,
        num_generations=8,
        max_completion_length=16,
        learning_rate=1e-3,
        logging_steps=1,
        report_to=[],
        save_strategy="no",
        use_cpu=True,
        bf16=False,
        seed=0,
    ),
    train_dataset=Dataset.from_list(rows),
)
trainer.train()
logs = [log for log in trainer.state.log_history if "loss" in log]
print(json.dumps({"steps": trainer.state.global_step, "completions": len(seen), "logs": logs}))
