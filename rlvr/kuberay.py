"""A configuration as a KubeRay RayJob: the cluster that the run needs, and the run itself, in one manifest.

The resolved configuration travels in the manifest, so that the image needs nothing but this package. `authOptions`
gives the cluster a token of its own. Leaves out: volumes, node selectors and what else belongs to a site; the output is
plain YAML to be patched. Written against the CRDs of KubeRay 1.5 and later.
"""

import math
from typing import Any

import yaml

from rlvr.config import RL, Pipeline, Section
from rlvr.planning.placement import needs
from rlvr.settings import load

RAY = "2.60.0"
GRADER_CPUS = 2
"""CPUs that a grader's pod has for each of its workers' programs."""
UNPRIVILEGED = {"runAsNonRoot": True, "allowPrivilegeEscalation": False}
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
    """The RayJob of a stage or a pipeline. `gpus`: how many the cluster has in all, 0 for none."""
    stage = config.stage
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "rlvr", "rlvr/stage": stage}},
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
    """A standing cluster of the same shape, for `rlvr submit`."""
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayCluster",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "rlvr"}},
        "spec": cluster_spec(config, image, gpus, gpus_per_node),
    }


def cluster_spec(config: Any, image: str, gpus: int, gpus_per_node: int) -> dict[str, Any]:
    """A head without work of its own, pods with GPUs where there are some, and pods for the graders."""
    rl = _rl(config)
    graders = rl.grading if rl else None
    groups = []
    if gpus:
        each = min(gpus, gpus_per_node)
        groups.append(_group("gpu", image, math.ceil(gpus / each), cpus=8 * each, memory=64 * each, gpus=each))
    cpus = max(4, GRADER_CPUS * graders.workers) if graders else 4
    groups.append(_group("cpu", image, graders.replicas if graders else 1, cpus=cpus, memory=4 * cpus))
    return {
        "rayVersion": RAY,
        "authOptions": {"mode": "token"},
        "headGroupSpec": {"rayStartParams": {"num-cpus": "0"}, "template": _pod("ray-head", image, 4, 16)},
        "workerGroupSpecs": groups,
    }


def gpus_of(config: Any) -> int:
    """How many a run takes when every process has its own: the learner's, and each engine's."""
    rl = _rl(config)
    return int(sum(place.gpus for place in needs(rl, math.inf))) if rl else 1


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
