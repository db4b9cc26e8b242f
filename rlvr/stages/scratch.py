"""Build the small model, its tokenizer and its tasks below a run directory, for a pipeline that starts from nothing."""

import json
from pathlib import Path

from rlvr import tiny
from rlvr.config import Scratch
from rlvr.tasks import procedural

TOKENIZER_ROWS = 3000
"""Demonstrations that the tokenizer is trained on."""


def build(config: Scratch, out: Path, seed: int) -> None:
    """`out/tasks/{demonstrations,train,validation,held_out}.jsonl` and the checkpoint `out/base`."""
    folder = out / "tasks"
    folder.mkdir(parents=True, exist_ok=True)
    rows = list(procedural.demonstrations(seed, config.demonstrations, config.slip, config.shares))
    (folder / "demonstrations.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    counts: dict[procedural.Split, int] = {
        "train": config.tasks,
        "validation": config.validation,
        "held_out": config.held_out,
    }
    for split, count in counts.items():
        share = count // sum(config.shares.values())
        tasks = [
            task
            for name in procedural.FAMILIES
            if name in config.shares
            for task in procedural.distinct(seed, split, share * config.shares[name], name)
        ]
        (folder / f"{split}.jsonl").write_text("".join(task.model_dump_json() + "\n" for task in tasks))
    texts = [message["content"] for row in rows[:TOKENIZER_ROWS] for message in row["messages"]]
    tiny.build(out / "base", texts, config.vocabulary, config.hidden, config.layers, seed)
