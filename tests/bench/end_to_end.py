"""Sampling, verifying and learning from one SFT checkpoint, by our loop and by TRL's GRPOTrainer, on one budget.

    python tests/bench/end_to_end.py RUN [STEPS]

RUN: the run directory of `rlvr demo`. Both train GRPO with the same tasks, verifiers, model, batch, learning rate and
number of samples, each in a process of its own on one thread, in turns. One line of JSON each, then the quotients.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import fmean, median
from typing import Any

import torch
from transformers.utils.logging import disable_progress_bar

from learning import COMMON, Stopwatch, load_run, run
from measure import report
from rlvr.chat import messages_of
from rlvr.config import RL, Sampling
from rlvr.engines.transformers import TransformersEngine
from rlvr.evaluation.evaluate import evaluate
from rlvr.samples import Prompt
from rlvr.settings import load
from verifiers import Grader, Item

ROUNDS = 2
SAMPLES = COMMON["prompts_per_step"] * COMMON["group_size"]
OPTIM = {"lr": 3e-4, "warmup_steps": 3}
ROWS = 128
"""Sequences that TRL puts through its model at once: as many tokens as our default."""


def main() -> None:
    root, steps, *kind = Path(sys.argv[1]), int((sys.argv[2:] or ["30"])[0]), *sys.argv[3:]
    if kind:
        torch.set_num_threads(1)
        disable_progress_bar()
        model, prompts, held = load_run(root)
        print(json.dumps({"ours": ours, "theirs": theirs}[kind[0]](model, prompts, held, steps)))
        return
    found: dict[str, list[dict[str, float]]] = {"ours": [], "theirs": []}
    for _ in range(ROUNDS):
        for name, rows in found.items():
            rows.append(fresh(name, root, steps))
            print(json.dumps({"by": name, **rows[-1]}), flush=True)
    mine, other = found.values()
    figures = {
        f"{name}, samples a CPU second": median(steps * SAMPLES / row["cpu_seconds"] for row in rows)
        for name, rows in found.items()
    }
    for clock in ("seconds", "cpu_seconds"):
        figures[f"quotient of {clock}"] = median(b[clock] / a[clock] for a, b in zip(mine, other, strict=True))
    for what in ("reward", "after"):
        figures[f"{what}, points over TRL's"] = 100 * (fmean(a[what] for a in mine) - fmean(b[what] for b in other))
    report("end_to_end", figures)


def fresh(name: str, root: Path, steps: int) -> dict[str, float]:
    command = [sys.executable, __file__, str(root), str(steps), name]
    said = subprocess.check_output(command, stderr=subprocess.DEVNULL, text=True, timeout=3600)
    row: dict[str, float] = json.loads(said.splitlines()[-1])
    return row


def ours(model: str, prompts: list[Prompt], held: list[Prompt], steps: int) -> dict[str, Any]:
    data = {"tasks": {"train": "-"}, "model": model, **COMMON, "preset": "grpo", "steps": steps, "optim": OPTIM}
    row = asyncio.run(run(load.validate(RL, data, []), prompts, held, "grpo"))
    return {key: value for key, value in row.items() if key != "preset"}


def theirs(model: str, prompts: list[Prompt], held: list[Prompt], steps: int) -> dict[str, Any]:
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    tasks = {prompt.task.id: prompt.task for prompt in prompts}
    with tempfile.TemporaryDirectory() as folder, Grader(workers=1) as grader:

        async def reward(completions: list[Any], task: list[str], **_: Any) -> list[float | None]:
            asked = [tasks[name] for name in task]
            items = [
                Item(str(place), known.verifier, completion[0]["content"], known.reference, known.params)
                for place, (known, completion) in enumerate(zip(asked, completions, strict=True))
            ]
            return [verdict.score for verdict in await grader.grade_many(items)]

        watch = Stopwatch()
        settings = GRPOConfig(
            output_dir=folder,
            max_steps=steps,
            per_device_train_batch_size=ROWS,
            gradient_accumulation_steps=SAMPLES // ROWS,
            num_generations=COMMON["group_size"],
            max_completion_length=COMMON["sampling"]["max_tokens"],
            loss_type="grpo",
            learning_rate=OPTIM["lr"],
            warmup_steps=OPTIM["warmup_steps"],
            lr_scheduler_type="constant_with_warmup",
            adam_beta2=0.95,
            top_k=0,
            bf16=False,
            gradient_checkpointing=False,
            use_cpu=True,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
            logging_steps=1,
        )
        rows = [{"prompt": messages_of(t.prompt), "task": t.id} for t in tasks.values()]
        trainer = GRPOTrainer(model=model, reward_funcs=reward, args=settings, train_dataset=Dataset.from_list(rows))
        trainer.train()
        seconds = watch.seconds()
        trainer.save_model(folder)
        engine = TransformersEngine(folder, 256)
        greedy = Sampling(temperature=0.0, max_tokens=COMMON["sampling"]["max_tokens"])
        after = asyncio.run(evaluate(held, engine, grader, greedy)).accuracy
    rewards = [row["reward"] for row in trainer.state.log_history if "reward" in row]
    return {"after": after, "reward": fmean(rewards[-5:])} | seconds


if __name__ == "__main__":
    main()
