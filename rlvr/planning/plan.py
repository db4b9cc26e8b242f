"""Before the work starts: check what can be checked, and say how much work it will be."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rlvr.config import RL, SFT, Evaluate, Pipeline, Preferences, Stage
from rlvr.settings import load
from rlvr.settings.load import ConfigError
from rlvr.settings.steering import changes


def check(config: Any, resume: bool = False, here: bool = True) -> None:
    """Raise ConfigError, with every fault, for what would only fail later.

    `here`: the work is done on this machine. Elsewhere models, data and run directory are not ours to look for.
    """
    if isinstance(config, Pipeline):
        if not any((config.sft, config.dpo, config.rl, config.evaluate)):
            raise ConfigError("a pipeline needs at least one of the sections sft, dpo, rl, evaluate")
        if config.evaluate:
            config.evaluate.check_unseen(_trained_on(config))
    if faults := [*_left_out(config), *(_not_here(config, resume) if here else ())]:
        raise ConfigError(*faults)


def _left_out(config: Stage | Pipeline) -> Iterator[str]:
    if isinstance(config, Stage) and not config.model and not getattr(config, "models", None):
        yield 'model: expected a checkpoint folder or a hub id, got nothing; write model = "..."'
    if config.out == Path():
        yield 'out: expected a run directory, got nothing; write out = "runs/NAME"'


def _not_here(config: Stage | Pipeline, resume: bool) -> Iterator[str]:
    there = next(path for path in (config.out, *config.out.absolute().parents) if _is_there(path))
    if not there.is_dir():
        yield f"out: expected a folder or a new path; {there} is a file"
    elif not os.access(there, os.W_OK | os.X_OK):
        yield f"out: {there} may not be written to; choose another folder"
    if isinstance(config, Pipeline):
        yield from _missing(config, resume)
        return
    yield from _inputs(config)
    if not resume and _has_begun(config):
        yield f"out: {config.out} already holds a run; add --resume to go on, or choose another folder"
    if resume:
        yield from _other_run(config)


def _has_begun(config: Stage) -> bool:
    trace = config.out / ("journal.sqlite" if isinstance(config, RL) else "checkpoints")
    return isinstance(config, RL | SFT | Preferences) and trace.exists()


def _other_run(config: Stage) -> Iterator[str]:
    """Settings that a run was begun with, and that may not be others when it goes on."""
    kept = config.out / "config.toml"
    if not (isinstance(config, RL | SFT | Preferences) and _has_begun(config) and kept.exists()):
        return
    if changed := "; ".join(changes(load.load(type(config), kept), config)):
        yield f"out: {config.out} was begun with other settings ({changed}); choose another folder for them"


def _missing(config: Pipeline, resume: bool) -> Iterator[str]:
    """What its stages read and neither the pipeline nor a stage before makes."""
    from rlvr.stages.pipeline import chain, left_in

    out = config.out.absolute()
    if not resume:
        left_in(out)
    made = [out / "base", out / "tasks"] if config.scratch else []
    for name, stage in chain(config):
        yield from (f"{name}: {fault}" for fault in _inputs(stage, made))
        yield from _other_run(stage) if resume else ()
        made.append(stage.out)


def _inputs(config: Stage, made: Sequence[Path] = ()) -> Iterator[str]:
    """What a stage reads and is not there, key first; what lies below a folder of `made` will be, when it begins."""
    for key, model in _models(config).items():
        path = Path(model)
        if _is_path(model) and not (_below(path, made) or _is_there(path / "config.json")):
            yield f"{key}: {model} is not a checkpoint folder (no config.json in it)"
    for key, file in _files(config).items():
        if not (_below(file, made) or _is_there(file)):
            yield f"{key}: {file}: no such file"
    for key, source in _sources(config).items():
        fault = _fault(source, made)
        if fault:
            yield f"{key}: {fault}"


def _is_there(path: Path) -> bool:
    """False as well for what lies where we may not look; `Path.exists` raises then."""
    return os.access(path, os.F_OK)


def _below(path: Path, folders: Sequence[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _is_path(model: str) -> bool:
    """Whether it is no hub id: that has one slash at most, and is no folder that is here."""
    return model.startswith((".", "/")) or model.count("/") > 1 or (bool(model) and _is_there(Path(model)))


def _fault(source: str, made: Sequence[Path]) -> str:
    """Why a task source cannot be read; empty when nothing speaks against it."""
    from rlvr.tasks.rows import SourceError
    from rlvr.tasks.sources import resolve

    try:
        found, where, _ = resolve(source)
    except SourceError as error:
        return str(error)
    path = Path(where).expanduser()
    there = not where or found.name == "hub" or _below(path, made) or _is_there(path)
    return "" if there else f"{path}: no such file"


def _models(config: Stage) -> dict[str, str]:
    """By key."""
    if isinstance(config, Evaluate) and config.models:
        return {f"models.{name}": model for name, model in config.models.items()}
    critic = {"critic.model": config.critic.model} if isinstance(config, RL) and config.critic else {}
    return {"model": config.model} | critic


def _files(config: Stage) -> dict[str, Path]:
    """Files of rows that are no tasks, by key."""
    if isinstance(config, SFT | Preferences) and config.data:
        return {"data": Path(config.data)}
    if isinstance(config, Evaluate) and config.tax:
        return {"tax.texts": Path(config.tax.texts).expanduser()}
    return {}


def _sources(config: Stage) -> dict[str, str]:
    """Sources of tasks, by key."""
    if isinstance(config, Preferences) and config.on_policy:
        return {"on_policy.tasks": config.on_policy.tasks}
    if isinstance(config, RL):
        held = {"tasks.validation": config.tasks.validation} if config.tasks.validation else {}
        against = {f"tasks.against.{number}": source for number, source in enumerate(config.tasks.against)}
        return {"tasks.train": config.tasks.train} | held | against
    return config.suites() if isinstance(config, Evaluate) else {}


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
