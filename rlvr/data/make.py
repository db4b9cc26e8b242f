"""From a recipe's configuration to its finished files: check the run directory, put the partners together, run."""

import asyncio
import tomllib
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from rlvr import load
from rlvr.data import rounds
from rlvr.data.log import ResponseLog, entries
from rlvr.data.recipe import DataConfig, Recipe
from rlvr.data.run import Here, Outcome, Run, Shards
from rlvr.data.teachers.base import Teacher
from rlvr.data.teachers.caller import Caller, Line
from rlvr.data.teachers.config import Answering, Budget
from rlvr.data.teachers.ledger import Ledger
from rlvr.data.teachers.open import open_teacher
from rlvr.errors import UserError

CONFIG = "config.toml"
FREE = {"out", "budget", "price", "limits", "actors", "gpus", "url", "key_env", "options"}
"""Keys, at any depth, that may change when a run goes on: how it is done, not what comes of it."""


def make(recipe: type[Recipe], config: DataConfig, local: bool = False) -> Outcome:
    """Run the recipe to its end, or as far as its teachers and its budget go. On Ray unless `local`; the bytes are the
    same. Raises UserError."""
    settle(recipe, config)
    if local:
        return asyncio.run(_run(recipe, config, Here(), open_teacher))
    from rlvr import own_ray

    own_ray.prepare()
    from rlvr import jobs
    from rlvr.data.on_ray import Actors, RayShards

    with jobs.attached():
        return asyncio.run(_run(recipe, config, RayShards(), Actors))


async def _run(
    recipe: type[Recipe], config: DataConfig, shards: Shards, start: Callable[[Answering], Teacher]
) -> Outcome:
    async with AsyncExitStack() as stack:
        log = ResponseLog(config.out)
        stack.callback(log.close)
        ledger = Ledger(getattr(config, "budget", Budget()))
        ledger.recall(entries(config.out))
        lines = {}
        for role, settings in config.teachers().items():
            lines[role] = Line(role, settings, start(settings))
            stack.push_async_callback(lines[role].teacher.close)
        return await Run(recipe(config), config.seed, config.out, Caller(lines, log, ledger), shards).finish()


def settle(recipe: type[Recipe], config: DataConfig) -> None:
    """The run directory belongs to this configuration from now on. Raises UserError if it holds another one's run."""
    if config.out == Path():
        raise UserError('out: expected a run directory, got nothing; write out = "runs/NAME"')
    config.out.mkdir(parents=True, exist_ok=True)
    path = config.out / CONFIG
    text = f"# rlvr data {recipe.name}, version {recipe.version}\n{load.dump(config)}"
    if path.exists() and (changed := _change(path.read_text(), text, recipe.growing)):
        raise UserError(f"out: {config.out} holds a run with other settings ({changed}); choose another folder")
    rounds.write(path, text)


def _change(before: str, now: str, growing: frozenset[str]) -> str | None:
    """The first setting that differs and that the records depend on."""
    if (was := before.partition("\n")[0]) != (is_now := now.partition("\n")[0]):
        return f"{was.removeprefix('# ')}; now {is_now.removeprefix('# ')}"
    old, new = _flat(tomllib.loads(before)), _flat(tomllib.loads(now))
    for key in sorted(old.keys() | new.keys()):
        if key.partition(".")[0] not in growing and old.get(key) != new.get(key):
            return f"{key}: {old.get(key)!r}, now {new.get(key)!r}"
    return None


def _flat(data: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted keys of what the records depend on."""
    found: dict[str, Any] = {}
    for key, value in data.items():
        if key not in FREE:
            found |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return found
