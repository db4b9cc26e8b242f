"""A reward model from preference pairs, with TRL's trainer: one number a response, higher for what is preferred."""

from typing import Any

from rlvr.config import RewardModel
from rlvr.jobs import attached
from rlvr.records import trackers
from rlvr.records.runlog import RunLog
from rlvr.stages.dpo import all_pairs
from rlvr.stages.workers import Rank, save, train_on_workers, trainer_arguments


def run(config: RewardModel) -> None:
    """Make pairs if need be, train, and leave in `config.out / "model"` what `critic.model` of an RL stage takes."""
    config.out.mkdir(parents=True, exist_ok=True)
    with attached():
        train_on_workers(_train, config)


def _train(config: RewardModel, rank: Rank) -> None:
    from datasets import Dataset
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, set_seed
    from trl import RewardConfig, RewardTrainer

    from rlvr.stages.callback import LogTo
    from rlvr.stages.checkpoints import Keep, last, train

    before = last(config, rank)
    tokenizer = AutoTokenizer.from_pretrained(config.model)
    set_seed(config.seed)  # the head starts at random
    model = AutoModelForSequenceClassification.from_pretrained(config.model, num_labels=1, dtype="float32")
    if model.config.pad_token_id is None:  # it is how the model finds a padded response's last token
        pad = tokenizer.pad_token_id
        model.config.pad_token_id = tokenizer.eos_token_id if pad is None else pad
    data = Dataset.from_list([_whole(pair) for pair in all_pairs(config, tokenizer, rank, begun=before is not None)])
    also = trackers.start(config, bool(before)) if rank.first else None
    with RunLog(config.out, "reward-model", 0, bool(before), also) as log:
        trainer = RewardTrainer(
            model=model,
            args=RewardConfig(**trainer_arguments(config, rank, config.out / "trainer")),
            train_dataset=data,
            processing_class=tokenizer,
            callbacks=[Keep(config, rank), *([LogTo(log)] if rank.first else [])],
        )
        train(trainer, before)
    if rank.first:
        save(trainer, tokenizer, config.out / "model")


def _whole(pair: dict[str, Any]) -> dict[str, list[int]]:
    """Prompt and response of both, as token ids."""
    prompt = list(pair["prompt_ids"])
    return {name: prompt + list(pair[name]) for name in ("chosen_ids", "rejected_ids")}
