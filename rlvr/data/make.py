"""From a recipe's configuration to its finished files: check the run directory, put the partners together, run."""

import asyncio
import tomllib
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack, closing, suppress
from pathlib import Path
from typing import Any

from rlvr.data import rounds
from rlvr.data.log import LOG, ResponseLog, entries
from rlvr.data.recipe import DataConfig, Recipe
from rlvr.data.run import Here, Outcome, Run, Shards
from rlvr.data.teachers.base import Teacher
from rlvr.data.teachers.caller import Caller, Line
from rlvr.data.teachers.config import Answering, Budget
from rlvr.data.teachers.ledger import Ledger
from rlvr.data.teachers.open import open_teacher
from rlvr.errors import UserError
from rlvr.settings import load

CONFIG = "config.toml"
FREE = {"out", "budget"}
"""Settings that may change when a run goes on: how it is done, not what comes of it."""
FREE_OF_TEACHERS = {"price", "limits", "actors", "gpus", "url", "key_env", "options"}
"""The same in the section of a teacher, wherever it stands."""
EVERY_S = 10.0
"""How often somebody who waits is told how far it is."""

Tell = Callable[[str], None]


def make(recipe: type[Recipe], config: DataConfig, local: bool = False, tell: Tell = lambda line: None) -> Outcome:
    """Run the recipe to its end, or as far as its teachers and its budget go. On Ray unless `local`; the bytes are the
    same. `tell` is given a line now and then. Raises UserError."""
    if config.out == Path():
        raise UserError('out: expected a run directory, got nothing; write out = "runs/NAME"')
    with closing(ResponseLog(config.out)) as log:
        settle(recipe, config)
        if local:
            return asyncio.run(_run(recipe, config, log, Here(), open_teacher, tell))
        from rlvr import own_ray

        own_ray.prepare()
        from rlvr import jobs
        from rlvr.data.on_ray import Actors, RayShards

        with jobs.attached():
            return asyncio.run(_run(recipe, config, log, RayShards(), Actors, tell))


async def _run(
    recipe: type[Recipe],
    config: DataConfig,
    log: ResponseLog,
    shards: Shards,
    start: Callable[[str, Answering], Teacher],
    tell: Tell,
) -> Outcome:
    async with AsyncExitStack() as stack:
        ledger = Ledger(getattr(config, "budget", Budget()))
        ledger.recall(entries(config.out))
        lines = {}
        for role, settings in config.teachers().items():
            lines[role] = Line(role, settings, start(role, settings))
            stack.push_async_callback(lines[role].teacher.close)
        run = Run(recipe(config), config.seed, config.out, Caller(lines, log, ledger), shards)
        watch = asyncio.create_task(_watch(run, lines.values(), ledger, tell))
        try:
            return await run.finish()
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch


async def _watch(run: Run, lines: Collection[Line], ledger: Ledger, tell: Tell) -> None:
    while True:
        await asyncio.sleep(EVERY_S)
        done = run.done
        asked = f", {sum(line.answers for line in lines):,} answers in this run, ${ledger.spent.dollars:.2f} in all"
        troubles = "".join(f"; {line.name}: {line.trouble}" for line in lines if line.trouble)
        tell(
            f"round {done.rounds + 1}: {len(done.kept):,} kept and {len(done.rejected):,} rejected before it"
            + (asked if lines else "")
            + troubles
        )


def settle(recipe: type[Recipe], config: DataConfig) -> None:
    """The run directory belongs to this configuration from now on. Raises UserError if it holds another one's run, of
    which there is more than the configuration."""
    path = config.out / CONFIG
    text = f"# rlvr data {recipe.name}, version {recipe.version}\n{load.dump(config)}"
    made = (config.out / name for name in (rounds.ROUNDS, LOG))
    begun = any(path.is_file() and path.stat().st_size for path in made)
    if begun and path.exists() and (changed := _change(path.read_text(), text, recipe.growing)):
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
    free = FREE_OF_TEACHERS if Answering.model_fields.keys() <= data.keys() else set() if prefix else FREE
    for key, value in data.items():
        if key not in free:
            found |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return found
