"""`rlvr deploy`: manifests that run a configuration on Kubernetes, printed for `kubectl apply -f -`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from rlvr.commands.config import OVERRIDES, ConfigArgument, OverrideArguments
from rlvr.commands.stages import user_errors

app = typer.Typer(help="Manifests for KubeRay, made from a configuration.", no_args_is_help=True)

Name = Annotated[str, typer.Option(help="Name of the object in Kubernetes.")]
Image = Annotated[str, typer.Option(help="Image with this package and its [train] extra.")]
Gpus = Annotated[int | None, typer.Option(min=0, help="GPUs in all; what the run takes by default, 0 for a CPU run.")]
PerNode = Annotated[int, typer.Option(min=1, help="GPUs of one node.")]


@app.command(context_settings=OVERRIDES)
def rayjob(
    config: ConfigArgument,
    overrides: OverrideArguments = None,
    name: Name = "rlvr",
    image: Image = "rlvr:latest",
    gpus: Gpus = None,
    gpus_per_node: PerNode = 8,
) -> None:
    """A RayJob: the cluster that the run needs, and the run."""
    _print("ray_job", config, overrides, name, image, gpus, gpus_per_node)


@app.command(context_settings=OVERRIDES)
def raycluster(
    config: ConfigArgument,
    overrides: OverrideArguments = None,
    name: Name = "rlvr",
    image: Image = "rlvr:latest",
    gpus: Gpus = None,
    gpus_per_node: PerNode = 8,
) -> None:
    """A RayCluster of the same shape, that stays, for `rlvr submit`."""
    _print("ray_cluster", config, overrides, name, image, gpus, gpus_per_node)


def _print(
    kind: str, config: Path, overrides: list[str] | None, name: str, image: str, gpus: int | None, per_node: int
) -> None:
    with user_errors():
        from rlvr import kuberay
        from rlvr.commands.config import resolve
        from rlvr.planning import plan

        settings: Any = resolve(config, overrides or [])
        plan.check(settings, here=False)
        wanted = kuberay.gpus_of(settings) if gpus is None else gpus
        pods, each = kuberay.gpu_pods(wanted, per_node) if wanted else (0, 0)
        if pods * each > wanted:
            typer.echo(f"note: {pods} pods of {each} GPUs are {pods * each}, for the {wanted} asked for", err=True)
        make = getattr(kuberay, kind)
        typer.echo(kuberay.to_yaml(make(settings, name, image, wanted, per_node)), nl=False)
