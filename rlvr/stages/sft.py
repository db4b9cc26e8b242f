"""Supervised fine-tuning with TRL's trainer on Ray Train."""

import json
from pathlib import Path

from rlvr.chat import encode_conversations
from rlvr.config import SFT
from rlvr.jobs import attached
from rlvr.records import trackers
from rlvr.records.runlog import RunLog
from rlvr.settings.load import ConfigError
from rlvr.stages.workers import Rank, save, train_on_workers, trainer_arguments
from rlvr.tasks import rows


def run(config: SFT) -> None:
    """Train, and leave the model in `config.out / "model"`."""
    conversations(config.data)
    with attached():
        train_on_workers(_train, config)


def conversations(source: str) -> list[list[dict[str, str]]]:
    """The `messages` of every row. Raises ConfigError for a row without them."""
    found = []
    for number, row in rows.from_file(Path(source)):
        messages = row.get("messages")
        if not isinstance(messages, list) or not any(m.get("role") == "assistant" for m in messages):
            raise ConfigError(
                f"{source}: row {number}: expected `messages` with an assistant turn, got {str(row)[:80]}"
            )
        found.append(messages)
    return found


def _train(config: SFT, rank: Rank) -> None:
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    from rlvr.stages.callback import LogTo
    from rlvr.stages.checkpoints import Keep, last, train

    before = last(config, rank)
    tokenizer = AutoTokenizer.from_pretrained(config.model)
    encoded, too_long = encode_conversations(tokenizer, conversations(config.data), config.max_tokens)
    if not encoded:
        raise ValueError(f"no conversation of {config.data} has an assistant token within {config.max_tokens} tokens")
    data = Dataset.from_dict({"input_ids": [e.ids for e in encoded], "labels": [e.labels for e in encoded]})
    also = trackers.start(config, bool(before)) if rank.first else None
    with RunLog(config.out, "sft", 0, bool(before), also) as log:
        trainer = SFTTrainer(
            model=AutoModelForCausalLM.from_pretrained(config.model, dtype="float32"),
            args=SFTConfig(
                **trainer_arguments(config, rank, config.out / "trainer"), dataset_kwargs={"skip_prepare_dataset": True}
            ),
            train_dataset=data,
            processing_class=tokenizer,
            callbacks=[Keep(config, rank), *([LogTo(log)] if rank.first else [])],
        )
        train(trainer, before)
    if rank.first:
        summary = {"conversations": len(encoded), "too_long": too_long}
        (config.out / "summary.json").write_text(json.dumps(summary) + "\n")
        save(trainer, tokenizer, config.out / "model")
