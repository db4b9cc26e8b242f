"""`rlvr demo`: the whole path on a small model, from a shipped configuration like any other."""

from pathlib import Path
from typing import Annotated

import typer

from rlvr.commands.stages import run_pipeline, user_errors

CONTROLS = ("random", "constant", "shuffled")


def demo(
    out: Annotated[Path, typer.Option(help="Run directory; what is there is replaced.")] = Path("runs/demo"),
    seed: Annotated[int, typer.Option(min=0, help="Of tasks, model and sampling.")] = 0,
    quick: Annotated[bool, typer.Option("--quick", help="A shorter run that ends within 90 seconds.")] = False,
    control: Annotated[str, typer.Option(help="Rewards that say nothing: random, constant or shuffled.")] = "none",
    address: Annotated[str | None, typer.Option(help="Ray job server to use instead of a cluster of its own.")] = None,
) -> None:
    """Tasks, SFT, DPO, RL on checked rewards, evaluation and report, from nothing, on two cores."""
    with user_errors():
        from rlvr import own_ray, recipes
        from rlvr.config import Pipeline
        from rlvr.settings import load

        if control not in ("none", *CONTROLS):
            raise load.ConfigError(f"--control: expected one of {', '.join(CONTROLS)}, got {control!r}")
        path = recipes.path("demo_quick" if quick else "demo")
        settings = load.load(Pipeline, path, [f"out={out}", f"seed={seed}", f"rl.control={control}"])
        if address is None:
            own_ray.prepare()
        run_pipeline(settings, address, resume=False)
