"""`rlvr plan CONFIG`: how much work a run will be, what memory it needs, and how long a step will take."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlvr.commands.stages import Config, Overrides, user_errors

if TYPE_CHECKING:
    from rlvr.config import RL

GIB = float(1 << 30)


def plan(
    config: Config,
    overrides: Overrides = None,
    measure: Annotated[bool, typer.Option(help="Time a few responses and a step here; it takes seconds.")] = True,
) -> None:
    """Say what a run will be before it starts: batches, memory, and seconds a step by `max_lag`."""
    with user_errors():
        from rlvr.commands.config import resolve
        from rlvr.config import RL, Pipeline
        from rlvr.planning import plan as checks

        settings: Any = resolve(Path(config), overrides or [])
        if not isinstance(settings, Pipeline):
            checks.check(settings, resume=True)
        typer.echo(checks.arithmetic(settings))
        if isinstance(settings, RL):
            _show(settings, measure)


def _show(config: "RL", measure: bool) -> None:
    from transformers import AutoConfig

    from rlvr.planning import sizes
    from rlvr.settings.load import ConfigError

    try:
        architecture = AutoConfig.from_pretrained(config.model)
    except (OSError, ValueError) as error:
        raise ConfigError(f"model: {config.model} cannot be read: {' '.join(str(error).split())[:200]}") from None
    need = sizes.memory(config, architecture)
    parts = {"weights": need.weights, "gradients and optimizer": need.optimizer, "activations": need.activations}
    shown = ", ".join(f"{name} {size / GIB:.2f}" for name, size in (parts | {"engine": need.engine}).items())
    typer.echo(f"memory: about {need.total / GIB:.2f} GiB a rank ({shown})")
    if not measure:
        return
    found = sizes.measure(config)
    typer.echo(
        f"measured: {found.sampled_per_s:,.0f} tokens/s sampled, {found.learned_per_s:,.0f} learned, new weights in "
        f"{found.sync_s:.2f} s, {sum(found.lengths) / len(found.lengths):.0f} tokens a response"
    )
    typer.echo("max_lag  step, s  engine idle  mean lag  too old")
    for row in found.forecasts(config):
        mark = "  <- this run" if row.max_lag == config.max_lag else ""
        typer.echo(f"{row.max_lag:7}  {row.step_s:7.1f}  {row.idle:11.0%}  {row.lag:8.2f}  {row.dropped:7.1%}{mark}")
