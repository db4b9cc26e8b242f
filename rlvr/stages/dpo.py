"""Direct preference optimisation with TRL's trainer on Ray Train, on given pairs or on pairs that verifiers make."""

import asyncio
import json
import logging
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rlvr.actors import RemoteGrader, device_of
from rlvr.chat import IGNORED, encode_conversations, encode_prompts
from rlvr.collect import seed_of
from rlvr.config import DPO, Pairs, Preferences
from rlvr.data.preferences import verified
from rlvr.jobs import attached
from rlvr.records import trackers
from rlvr.records.runlog import RunLog
from rlvr.samples import Request, Rollout
from rlvr.settings.load import ConfigError
from rlvr.stages.workers import Rank, save, train_on_workers, trainer_arguments
from rlvr.tasks import rows
from rlvr.tasks.sources import load_tasks
from verifiers import Verdict

logger = logging.getLogger(__name__)

PAIRS = "pairs.jsonl"
"""Pairs as token ids, in the run directory: `prompt_ids`, `chosen_ids`, `rejected_ids`, and the texts to look at."""


def run(config: DPO) -> None:
    """Make pairs if need be, train, and leave the model in `config.out / "model"`."""
    config.out.mkdir(parents=True, exist_ok=True)
    with attached():
        train_on_workers(_train, config)


async def make_pairs(config: Preferences, plan: Pairs) -> list[dict[str, Any]]:
    """Sample each task several times and pair a correct response with one that is not, as token ids.

    Raises ConfigError when no task has both: then there is nothing to prefer.
    """
    from rlvr.engines.transformers import TransformersEngine

    tasks = load_tasks(plan.tasks)
    random.Random(f"{config.seed}/pairs").shuffle(tasks)
    engine = TransformersEngine(config.model, device=device_of(config.compute))
    grader = RemoteGrader(config.grading)
    prompts, _ = encode_prompts(engine.tokenizer, tasks[: plan.prompts], config.max_tokens - 1)
    owners = {f"{i:06}/{j:03}": prompt for i, prompt in enumerate(prompts) for j in range(plan.samples)}
    requests = [Request(id, prompt.ids, seed_of(config.seed, f"pairs/{id}")) for id, prompt in owners.items()]
    rollouts = sorted([r async for r in engine.sample(requests, plan.sampling)], key=lambda r: r.id)
    verdicts = await grader.grade_many([r.item(owners[r.id].task) for r in rollouts])
    pairs = list(pair_up(rollouts, verdicts, plan.samples, random.Random(f"{config.seed}/pair-up")))
    if not pairs:
        raise ConfigError(
            f"no task of {plan.tasks} got both a right and a wrong response, so there is nothing to prefer; "
            "use tasks that the model gets right sometimes, or more `samples`"
        )
    return pairs


def pair_up(
    rollouts: Sequence[Rollout], verdicts: Sequence[Verdict], size: int, rng: random.Random
) -> Iterator[dict[str, Any]]:
    """One pair a group of `size`, as Tulu 3 makes them where a verifier can decide."""
    for start in range(0, len(rollouts), size):
        group = rollouts[start : start + size]
        pair = verified(group, verdicts[start : start + size], [r.finish == "stop" for r in group], rng)
        if pair:
            chosen, rejected = pair
            yield {
                "prompt_ids": chosen.prompt_ids,
                "chosen_ids": chosen.response_ids,
                "rejected_ids": rejected.response_ids,
                "chosen": chosen.text,
                "rejected": rejected.text,
            }


def given_pairs(config: Preferences, tokenizer: Any) -> tuple[list[dict[str, Any]], int]:
    """Pairs of a file, in the form of `pairs.jsonl`, and how many are left out, as no room is left for an answer.

    Raises ConfigError for a row that is no pair, and when no pair is left.
    """
    pairs, too_long = [], 0
    for number, row in rows.from_file(Path(str(config.data))):
        try:
            prompt = list(row["prompt"])
            conversations = [prompt + list(row[side]) for side in ("chosen", "rejected")]
            both, _ = encode_conversations(tokenizer, conversations)
        except (KeyError, TypeError) as error:
            raise ConfigError(
                f"{config.data}: row {number}: expected `prompt`, `chosen`, `rejected` as chat messages, got {error!r}"
            ) from None
        # What comes last is the answer; earlier turns of the assistant belong to the prompt.
        starts = [max(i for i, label in enumerate(e.labels) if label == IGNORED) + 1 for e in both]
        prompts = [e.ids[:start] for e, start in zip(both, starts, strict=True)]
        if len(both) < 2 or prompts[0] != prompts[1]:
            raise ConfigError(f"{config.data}: row {number}: expected one answer of the assistant on either side")
        if starts[0] >= config.max_tokens:
            too_long += 1
        else:
            chosen, rejected = (e.ids[starts[0] : config.max_tokens] for e in both)
            pairs.append({"prompt_ids": prompts[0], "chosen_ids": chosen, "rejected_ids": rejected})
    if not pairs:
        raise ConfigError(f"{config.data}: all {too_long} prompts fill max_tokens ({config.max_tokens}) by themselves")
    return pairs, too_long


def all_pairs(config: Preferences, tokenizer: Any, rank: Rank, begun: bool) -> list[dict[str, Any]]:
    """The pairs to train on, made by the first worker or read from a file, in the form of `pairs.jsonl`.

    `begun`: the run goes on from a checkpoint, so they are there already.
    """
    if config.on_policy is None:
        pairs, too_long = given_pairs(config, tokenizer)
        if too_long and rank.first:
            logger.warning("%d pairs left out: their prompts leave no room for an answer in max_tokens", too_long)
        return pairs
    if rank.first and not begun:
        made = asyncio.run(make_pairs(config, config.on_policy))
        (config.out / PAIRS).write_text("".join(json.dumps(pair) + "\n" for pair in made))
    rank.barrier()
    return [dict(row) for _, row in rows.from_file(config.out / PAIRS)]


def on_disk(pairs: Sequence[dict[str, Any]], folder: Path, rank: Rank) -> Any:
    """A data set in the folder, where every worker finds what the first one computes of it."""
    from datasets import Dataset, load_from_disk

    if rank.first:
        columns = ("prompt_ids", "chosen_ids", "rejected_ids")
        Dataset.from_dict({name: [list(pair[name]) for pair in pairs] for name in columns}).save_to_disk(folder)
    rank.barrier()
    return load_from_disk(folder)


def _train(config: DPO, rank: Rank) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    from rlvr.stages.callback import LogTo
    from rlvr.stages.checkpoints import Keep, last, train

    class OnIds(DPOTrainer):  # type: ignore[misc]
        """Takes token ids as they are: a sampled response is never turned into text and tokenised again."""

        def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
            return dataset

    before = last(config, rank)
    tokenizer = AutoTokenizer.from_pretrained(config.model)
    pairs = all_pairs(config, tokenizer, rank, begun=before is not None)
    data = on_disk(pairs, config.out / "trainer" / "pairs", rank)
    also = trackers.start(config, bool(before)) if rank.first else None
    with RunLog(config.out, "dpo", 0, bool(before), also) as log:
        trainer = OnIds(
            model=AutoModelForCausalLM.from_pretrained(config.model, dtype="float32"),
            args=DPOConfig(
                **trainer_arguments(config, rank, config.out / "trainer"),
                loss_type=[config.loss],
                beta=config.beta,
                precompute_ref_log_probs=True,
            ),
            train_dataset=data,
            processing_class=tokenizer,
            callbacks=[Keep(config, rank), *([LogTo(log)] if rank.first else [])],
        )
        train(trainer, before)
    if rank.first:
        save(trainer, tokenizer, config.out / "model")
