"""Before the work starts: check what can be checked, and say how much work it will be."""

from pathlib import Path
from typing import Any

from rlvr.config import RL, SFT, Evaluate, Pipeline, Preferences, Stage
from rlvr.settings import load
from rlvr.settings.load import ConfigError


def check(config: Any, resume: bool = False) -> None:
    """Raise ConfigError for what would only fail later: a missing model, no run directory, a run that is there already.

    Files of tasks are read by the stage itself, before it starts anything.
    """
    if isinstance(config, Pipeline):
        if not any((config.sft, config.dpo, config.rl, config.evaluate)):
            raise ConfigError("a pipeline needs at least one of the sections sft, dpo, rl, evaluate")
        if config.evaluate:
            config.evaluate.check_unseen(_trained_on(config))
        return
    if not config.model and not getattr(config, "models", None):
        raise ConfigError('model: expected a checkpoint folder or a hub id, got nothing; write model = "..."')
    if config.out == Path():
        raise ConfigError('out: expected a run directory, got nothing; write out = "runs/NAME"')
    for model in [config.model, *getattr(config, "models", {}).values()]:
        if model.startswith(("/", ".", "~")) and not (Path(model).expanduser() / "config.json").exists():
            raise ConfigError(f"model: {model} is not a checkpoint folder (no config.json in it)")
    trace = config.out / ("journal.sqlite" if isinstance(config, RL) else "checkpoints")
    if isinstance(config, RL | SFT | Preferences) and not resume and trace.exists():
        raise ConfigError(f"out: {config.out} already holds a run; add --resume to go on, or choose another folder")


def _trained_on(config: Pipeline) -> dict[str, str | None]:
    """Task sources that a pipeline trains on or chooses by."""
    used = {"sft.data": config.sft.data} if config.sft else {}
    pairs = config.dpo.on_policy if config.dpo else None
    tasks = config.rl.tasks if config.rl else None
    return {
        **used,
        **({"dpo.on_policy.tasks": pairs.tasks} if pairs else {}),
        **({"rl.tasks.train": tasks.train, "rl.tasks.validation": tasks.validation} if tasks else {}),
    }


def describe(config: Any) -> str:
    """The resolved configuration and the batch arithmetic."""
    return f"{load.dump(config)}\n{arithmetic(config)}"


def arithmetic(config: Any) -> str:
    """How much will be done, in one line a stage."""
    if isinstance(config, Pipeline):
        from rlvr.stages.pipeline import chain

        return "\n".join(arithmetic(stage) for _, stage in chain(config))
    return f"{config.stage}: {_amount(config)}"


def _amount(config: Stage) -> str:
    if isinstance(config, RL):
        rollouts = config.prompts_per_step * config.group_size
        return (
            f"{config.steps} steps x {config.prompts_per_step} prompts x {config.group_size} responses = "
            f"{config.steps * rollouts:,} rollouts (with refills up to "
            f"{config.steps * rollouts * (1 + config.refill):,}), {rollouts} a step in {config.minibatches} "
            f"optimizer step(s), at most {config.sampling.max_tokens} tokens each, "
            f"sampling at most {config.max_lag} step(s) ahead"
        )
    if isinstance(config, SFT):
        return f"{config.epochs:g} epoch(s) of {config.data}, {config.batch_size} sequences an optimizer step"
    if isinstance(config, Preferences):
        pairs = config.on_policy
        origin = f"up to {pairs.prompts} pairs from {pairs.prompts * pairs.samples:,} samples" if pairs else config.data
        return f"{config.epochs:g} epoch(s) of {origin}, {config.batch_size} pairs an optimizer step"
    if isinstance(config, Evaluate):
        tax = [f"raw text of {config.tax.texts}"] if config.tax else []
        what = ", ".join([*config.suites().values(), *tax])
        return f"{', '.join(config.models) or config.model} on {what}, {config.samples} response(s) a task"
    raise TypeError(f"no plan for {type(config).__name__}")
