"""Manifests for KubeRay: valid by its own schemas, of the right size, and read back as the same configuration."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from rlvr import kuberay, load
from rlvr.config import RL, STAGES, Compute, EngineSettings, Grading, Pipeline, Section, Tasks

ROOT = Path(__file__).parents[3]
SCHEMAS = {"RayJob": "rayjobs.json", "RayCluster": "rayclusters.json"}


def schema(kind: str) -> Any:
    data = os.environ.get("RLVR_TEST_DATA")
    if not data:
        pytest.skip("RLVR_TEST_DATA is not set: it names the folder of test data with kuberay_crds/")
    return json.loads((Path(data) / "kuberay_crds" / SCHEMAS[kind]).read_text())


def run(**settings: Any) -> RL:
    return RL(model="org/model", out=Path("/mnt/runs/a"), tasks=Tasks(train="gsm8k"), **settings)


CONFIGS: dict[str, Section] = {
    "small": run(),
    "large": run(
        engine=EngineSettings(kind="vllm", replicas=4, tensor_parallel=2), grading=Grading(replicas=3, workers=8)
    ),
    "cpu": run(compute=Compute(device="cpu")),
    "pipeline": Pipeline(out=Path("/mnt/runs/b"), model="org/model", rl=run()),
}


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("kind", SCHEMAS)
def test_manifests_are_valid_by_the_schemas_of_kuberay(name: str, kind: str) -> None:
    config = CONFIGS[name]
    make = kuberay.ray_job if kind == "RayJob" else kuberay.ray_cluster
    manifest = yaml.safe_load(kuberay.to_yaml(make(config, "run-1", "image:1", kuberay.gpus_of(config))))
    jsonschema.validate(manifest, schema(kind))
    assert manifest["kind"] == kind
    spec = manifest["spec"] if kind == "RayCluster" else manifest["spec"]["rayClusterSpec"]
    for group in [spec["headGroupSpec"], *spec["workerGroupSpecs"]]:
        [container] = group["template"]["spec"]["containers"]
        assert container["image"] == "image:1"
        assert container["securityContext"]["allowPrivilegeEscalation"] is False


@pytest.mark.parametrize("file", sorted((ROOT / "deploy" / "kuberay").glob("*.yaml")), ids=lambda file: file.name)
def test_the_manifests_that_are_shipped_are_valid(file: Path) -> None:
    manifest = yaml.safe_load(file.read_text())
    if manifest["kind"] == "RayJob":
        text = yaml.safe_load(manifest["spec"]["runtimeEnvYAML"])["env_vars"]["RLVR_CONFIG"]
        load.validate(STAGES["rl"], load.parse(text, file.name), [], source=file.name)
    jsonschema.validate(manifest, schema(manifest["kind"]))


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schemas_notice_a_typo(name: str) -> None:
    make = kuberay.ray_job if name == "RayJob" else kuberay.ray_cluster
    manifest: Any = make(CONFIGS["small"], "run-1", "image:1", 2)
    spec = manifest["spec"] if name == "RayCluster" else manifest["spec"]["rayClusterSpec"]
    spec["workerGroupSpecs"][0]["replica"] = spec["workerGroupSpecs"][0].pop("replicas")
    with pytest.raises(jsonschema.ValidationError, match="replica"):
        jsonschema.validate(manifest, schema(name))


@pytest.mark.parametrize(("name", "gpus"), [("small", 2), ("large", 9), ("cpu", 0), ("pipeline", 2)])
def test_it_asks_for_the_gpus_that_the_run_takes(name: str, gpus: int) -> None:
    assert kuberay.gpus_of(CONFIGS[name]) == gpus
    groups = kuberay.cluster_spec(CONFIGS[name], "image:1", gpus, gpus_per_node=8)["workerGroupSpecs"]
    limits = [(g["replicas"], g["template"]["spec"]["containers"][0]["resources"]["limits"]) for g in groups]
    there = sum(count * int(limit.get("nvidia.com/gpu", 0)) for count, limit in limits)
    assert there >= gpus
    assert there == 0 or gpus


def test_the_configuration_travels_in_the_manifest() -> None:
    config = CONFIGS["large"]
    manifest = yaml.safe_load(kuberay.to_yaml(kuberay.ray_job(config, "run-1", "image:1", 9)))
    text = yaml.safe_load(manifest["spec"]["runtimeEnvYAML"])["env_vars"]["RLVR_CONFIG"]
    assert load.validate(STAGES["rl"], load.parse(text, "manifest"), [], source="manifest") == config
    assert manifest["spec"]["entrypoint"] == "rlvr rl env:RLVR_CONFIG --resume"


def test_the_command_prints_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(load.dump(CONFIGS["small"]))
    command = [sys.executable, "-m", "rlvr.cli", "deploy", "rayjob", str(tmp_path / "run.toml"), "--name", "mine"]
    done = subprocess.run([*command, "--gpus", "1"], capture_output=True, text=True, timeout=60, check=True)
    assert yaml.safe_load(done.stdout)["metadata"]["name"] == "mine"
    wrong = subprocess.run([*command, "stepz=3"], capture_output=True, text=True, timeout=60, check=False)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "stepz" in wrong.stderr
