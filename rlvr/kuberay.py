"""A configuration as a KubeRay RayJob: the cluster that the run needs, and the run itself, in one manifest.

The resolved configuration travels in the manifest, so that the image needs nothing but this package. `authOptions`
gives the cluster a token of its own. Leaves out: volumes, node selectors and what else belongs to a site; the output is
plain YAML to be patched. Written against the CRDs of KubeRay 1.5 and later.
"""

import math
import re
from typing import Any

import yaml

from rlvr.config import RL, Pipeline, Section, Stage
from rlvr.errors import UserError
from rlvr.planning.placement import needs
from rlvr.settings import load

RAY = "2.60.0"
GRADER_CPUS = 2
"""CPUs that a grader's pod has for each of its workers' programs."""
LONGEST_NAME = 47
"""KubeRay's own limit for a job, from whose name it makes those of the cluster and its pods."""
UNPRIVILEGED = {"runAsNonRoot": True, "allowPrivilegeEscalation": False}
LABELS = {"app.kubernetes.io/managed-by": "rlvr"}
SANDBOX_POD = {
    "hostUsers": False,
    "securityContext": {
        "seccompProfile": {"type": "Localhost", "localhostProfile": "profiles/rlvr-sandbox.json"},
        "appArmorProfile": {"type": "Unconfined"},
    },
}
SANDBOX_CONTAINER = {"procMount": "Unmasked"}
"""What the sandbox needs in a pod, as in deploy/kubernetes/service.yaml: user namespaces, mounts, a whole /proc."""


def ray_job(config: Any, name: str, image: str, gpus: int = 0, gpus_per_node: int = 8) -> dict[str, Any]:
    """The RayJob of a stage or a pipeline. `gpus`: how many the cluster has in all, 0 for none.

    Raises UserError when Kubernetes would refuse the name.
    """
    stage = config.stage
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": _metadata(name) | {"labels": LABELS | {"rlvr/stage": stage}},
        "spec": {
            "entrypoint": f"rlvr {stage} env:RLVR_CONFIG --resume",  # after a lost head the job is started again
            "runtimeEnvYAML": to_yaml({"env_vars": {"RLVR_CONFIG": load.dump(config)}}),
            "metadata": {"stage": stage, "out": str(config.out)},
            "shutdownAfterJobFinishes": True,
            "ttlSecondsAfterFinished": 600,
            "backoffLimit": 2,
            "rayClusterSpec": cluster_spec(config, image, gpus, gpus_per_node),
        },
    }


def ray_cluster(config: Any, name: str, image: str, gpus: int = 0, gpus_per_node: int = 8) -> dict[str, Any]:
    """A standing cluster of the same shape, for `rlvr submit`. Raises UserError like `ray_job`."""
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayCluster",
        "metadata": _metadata(name),
        "spec": cluster_spec(config, image, gpus, gpus_per_node),
    }


def cluster_spec(config: Any, image: str, gpus: int, gpus_per_node: int) -> dict[str, Any]:
    """A head without work of its own, pods with GPUs where there are some, and pods for the graders."""
    rl = _rl(config)
    graders = rl.grading if rl else None
    groups = []
    if gpus:
        pods, each = gpu_pods(gpus, gpus_per_node)
        groups.append(_group("gpu", image, pods, cpus=8 * each, memory=64 * each, gpus=each))
    cpus = max(4, GRADER_CPUS * graders.workers) if graders else 4
    groups.append(_group("cpu", image, graders.replicas if graders else 1, cpus=cpus, memory=4 * cpus))
    return {
        "rayVersion": RAY,
        "authOptions": {"mode": "token"},
        "headGroupSpec": {"rayStartParams": {"num-cpus": "0"}, "template": _pod("ray-head", image, 4, 16)},
        "workerGroupSpecs": groups,
    }


def gpu_pods(gpus: int, gpus_per_node: int) -> tuple[int, int]:
    """Pods, all alike, and the GPUs of each: together at least `gpus`, which is more than none."""
    each = min(gpus, gpus_per_node)
    return math.ceil(gpus / each), each


def gpus_of(config: Any) -> int:
    """How many a run takes when every process has its own: the learner's, and each engine's; a pipeline's largest."""
    if isinstance(config, Pipeline):
        stages: tuple[Stage | None, ...] = (config.sft, config.dpo, config.rl, config.evaluate)
        return max((gpus_of(stage) for stage in stages if stage), default=0)
    if isinstance(config, RL):
        return int(sum(place.gpus for place in needs(config, math.inf)))
    return getattr(config, "workers", 1) if config.compute.device.startswith(("auto", "cuda")) else 0


def _metadata(name: str) -> dict[str, Any]:
    if len(name) > LONGEST_NAME or not re.fullmatch("[a-z]([-a-z0-9]*[a-z0-9])?", name):
        raise UserError(
            f"name: expected at most {LONGEST_NAME} small letters, digits and hyphens, "
            f"a letter first and no hyphen last; got {name!r}"
        )
    return {"name": name, "labels": LABELS}


def _rl(config: Section) -> RL | None:
    if isinstance(config, Pipeline):
        return config.rl
    return config if isinstance(config, RL) else None


def _group(name: str, image: str, pods: int, cpus: int, memory: int, gpus: int = 0) -> dict[str, Any]:
    """Graders go where no GPUs are, as far as there is room: those pods are made for the sandbox."""
    return {
        "groupName": name,
        "replicas": pods,
        "minReplicas": pods,
        "maxReplicas": pods,
        "rayStartParams": {},
        "template": _pod("ray-worker", image, cpus, memory, gpus, sandbox=not gpus),
    }


def _pod(name: str, image: str, cpus: int, memory: int, gpus: int = 0, sandbox: bool = False) -> dict[str, Any]:
    resources = {"cpu": str(cpus), "memory": f"{memory}Gi"} | ({"nvidia.com/gpu": str(gpus)} if gpus else {})
    container = {
        "name": name,
        "image": image,
        "resources": {"requests": resources, "limits": resources},
        "securityContext": UNPRIVILEGED | (SANDBOX_CONTAINER if sandbox else {}),
        "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}],  # the object store, and weights on their way
    }
    shm = {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": f"{max(2, memory // 3)}Gi"}}
    return {"spec": (SANDBOX_POD if sandbox else {}) | {"containers": [container], "volumes": [shm]}}


def to_yaml(manifest: dict[str, Any]) -> str:
    """For `kubectl apply -f -`; texts of several lines stay readable."""
    text: str = yaml.dump(manifest, Dumper=_Dumper, sort_keys=False)
    return text


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    pass


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)
