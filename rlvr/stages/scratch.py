"""Build the small model, its tokenizer and its tasks below a run directory, for a pipeline that starts from nothing."""

import json
from pathlib import Path

from rlvr.config import Scratch
from rlvr.tasks import procedural


def build(config: Scratch, out: Path, seed: int) -> None:
    """`out/tasks/{demonstrations,train,validation,held_out}.jsonl` and the checkpoint `out/base`."""
    folder = out / "tasks"
    folder.mkdir(parents=True, exist_ok=True)
    rows = list(procedural.demonstrations(seed, config.demonstrations, config.slip))
    (folder / "demonstrations.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    counts: dict[procedural.Split, int] = {
        "train": config.tasks,
        "validation": config.validation,
        "held_out": config.held_out,
    }
    for split, count in counts.items():
        share = count // len(procedural.FAMILIES)
        tasks = [task for name in procedural.FAMILIES for task in procedural.distinct(seed, split, share, name)]
        (folder / f"{split}.jsonl").write_text("".join(task.model_dump_json() + "\n" for task in tasks))
    _build_model(config, out / "base", rows, seed)


def _build_model(config: Scratch, folder: Path, rows: list[dict[str, list[dict[str, str]]]], seed: int) -> None:
    from rlvr import tiny

    texts = [message["content"] for row in rows[:3000] for message in row["messages"]]
    tokenizer = tiny.build_tokenizer(texts, config.vocabulary)
    tiny.save(folder, tiny.build_model(tokenizer, config.hidden, config.layers, seed), tokenizer)
