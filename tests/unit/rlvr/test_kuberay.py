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

from rlvr import kuberay
from rlvr.config import RL, SFT, STAGES, Compute, EngineSettings, Evaluate, Grading, Pipeline, Section, Tasks
from rlvr.settings import load

ROOT = Path(__file__).parents[3]
MADE = ("RayJob", "RayCluster")
SERVICE = next(yaml.safe_load_all((ROOT / "deploy" / "kubernetes" / "service.yaml").read_text()))
SHIPPED = {file.name: yaml.safe_load(file.read_text()) for file in (ROOT / "deploy" / "kuberay").glob("*.yaml")}


def validate(manifest: Any) -> None:
    """By KubeRay's own schema of its kind, which is large, and itself not checked again."""
    data = os.environ.get("RLVR_TEST_DATA")
    if not data:
        pytest.skip("RLVR_TEST_DATA is not set: it names the folder of test data with kuberay_crds/")
    schema = json.loads((Path(data) / "kuberay_crds" / f"{manifest['kind'].lower()}s.json").read_text())
    jsonschema.validators.validator_for(schema)(schema).validate(manifest)


def run(**settings: Any) -> RL:
    return RL(model="org/model", out=Path("/mnt/runs/a"), tasks=Tasks(train="gsm8k"), **settings)


BASE: dict[str, Any] = {"model": "org/model", "out": Path("/mnt/runs/c")}
CONFIGS: dict[str, Section] = {
    "small": run(),
    "large": run(
        engine=EngineSettings(kind="vllm", replicas=4, tensor_parallel=2), grading=Grading(replicas=3, workers=8)
    ),
    "cpu": run(compute=Compute(device="cpu")),
    "pipeline": Pipeline(out=Path("/mnt/runs/b"), model="org/model", rl=run()),
    "workers": SFT(**BASE, data="rows.jsonl", workers=4),
    "sft on cpu": SFT(**BASE, data="rows.jsonl", workers=4, compute=Compute(device="cpu")),
    "chain": Pipeline(**BASE, sft=SFT(data="rows.jsonl", workers=4), rl=run(), evaluate=Evaluate(tasks="gsm8k")),
    "chain on cpu": Pipeline(**BASE, sft=SFT(data="rows.jsonl", compute=Compute(device="cpu"))),
}


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("kind", MADE)
def test_manifests_are_valid_by_the_schemas_of_kuberay(name: str, kind: str) -> None:
    config = CONFIGS[name]
    make = kuberay.ray_job if kind == "RayJob" else kuberay.ray_cluster
    manifest = yaml.safe_load(kuberay.to_yaml(make(config, "run-1", "image:1", kuberay.gpus_of(config))))
    validate(manifest)
    assert manifest["kind"] == kind
    spec = manifest["spec"] if kind == "RayCluster" else manifest["spec"]["rayClusterSpec"]
    for group in [spec["headGroupSpec"], *spec["workerGroupSpecs"]]:
        [container] = group["template"]["spec"]["containers"]
        assert container["image"] == "image:1"
        assert container["securityContext"]["allowPrivilegeEscalation"] is False


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_the_manifests_that_are_shipped_are_valid(name: str) -> None:
    validate(SHIPPED[name])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("raycluster-cpu.yaml", ["raycluster", "--name", "rlvr-cpu", "--gpus", "0"]),
        ("raycluster-gpu.yaml", ["raycluster", "--name", "rlvr-gpu"]),
        ("rayjob-gsm8k.yaml", ["rayjob", "--name", "gsm8k-grpo"]),
    ],
)
def test_the_manifests_that_are_shipped_are_what_the_command_prints(name: str, words: list[str]) -> None:
    done = deploy(*words, "rlvr/recipes/gsm8k_grpo.toml")
    assert done.stdout == (ROOT / "deploy" / "kuberay" / name).read_text()


def needed(pod: Any) -> dict[str, Any]:
    """What the sandbox needs of a pod and of its container."""
    [container] = pod["containers"]
    walls = pod.get("securityContext", {})
    return {
        "hostUsers": pod.get("hostUsers"),
        "procMount": container["securityContext"].get("procMount"),
        **{name: walls.get(name) for name in ("seccompProfile", "appArmorProfile")},
    }


def test_pods_that_judge_are_as_open_to_the_sandbox_as_those_of_the_service() -> None:
    like = needed(SERVICE["spec"]["template"]["spec"])
    assert like["appArmorProfile"] == {"type": "Unconfined"}
    clusters = [kuberay.cluster_spec(config, "image:1", gpus, 8) for config in CONFIGS.values() for gpus in (0, 2)]
    clusters.append(SHIPPED["rayservice.yaml"]["spec"]["rayClusterConfig"])
    for cluster in clusters:
        for group in cluster["workerGroupSpecs"]:
            judges = group["groupName"] != "gpu"
            assert (needed(group["template"]["spec"]) == like) is judges


def jobs() -> dict[str, Any]:
    """Those that are shipped, and one that is made for each kind of stage."""
    configs = {
        "sft": STAGES["sft"](**BASE, data="rows.jsonl"),
        "dpo": STAGES["dpo"](**BASE, data="pairs.jsonl"),
        "reward-model": STAGES["reward-model"](**BASE, data="pairs.jsonl"),
        "eval": STAGES["eval"](**BASE, tasks="gsm8k@test"),
        "pipeline": CONFIGS["pipeline"],
    }
    made = {name: kuberay.ray_job(config, "run-1", "image:1", 0) for name, config in configs.items()}
    return {name: found for name, found in SHIPPED.items() if found["kind"] == "RayJob"} | made


@pytest.mark.parametrize("name", sorted(jobs()))
def test_the_entry_points_of_jobs_run_dry(name: str, tmp_path: Path) -> None:
    """As the cluster would start them, in a folder of their own."""
    spec = jobs()[name]["spec"]
    words = spec["entrypoint"].split()
    assert words[0] == "rlvr"
    variables = os.environ | yaml.safe_load(spec["runtimeEnvYAML"])["env_vars"] | {"PYTHONPATH": str(ROOT)}
    data = [tmp_path / "pairs.jsonl", tmp_path / "rows.jsonl"]
    for file in data:
        file.touch()
    done = subprocess.run(
        [sys.executable, "-m", "rlvr.cli", *words[1:], "--dry-run"],
        env=variables,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert f"{words[1]}:" in done.stdout or name == "pipeline"
    assert sorted(tmp_path.iterdir()) == data


def test_the_service_names_what_serve_can_build() -> None:
    """Ray Serve itself is started in tests/contract/test_ray_serve.py."""
    config = yaml.safe_load(SHIPPED["rayservice.yaml"]["spec"]["serveConfigV2"])
    [application] = config["applications"]
    module, _, builder = application["import_path"].partition(":")
    source = (ROOT / f"{module.replace('.', '/')}.py").read_text()
    assert f"def {builder}(" in source
    assert [name for name in application["args"] if f'"{name}"' not in source] == []


@pytest.mark.parametrize("name", MADE)
def test_the_schemas_notice_a_typo(name: str) -> None:
    make = kuberay.ray_job if name == "RayJob" else kuberay.ray_cluster
    manifest: Any = make(CONFIGS["small"], "run-1", "image:1", 2)
    spec = manifest["spec"] if name == "RayCluster" else manifest["spec"]["rayClusterSpec"]
    spec["workerGroupSpecs"][0]["replica"] = spec["workerGroupSpecs"][0].pop("replicas")
    with pytest.raises(jsonschema.ValidationError, match="replica"):
        validate(manifest)


@pytest.mark.parametrize(
    ("name", "gpus"),
    [
        ("small", 2),
        ("large", 9),
        ("cpu", 0),
        ("pipeline", 2),
        ("workers", 4),
        ("sft on cpu", 0),
        ("chain", 4),
        ("chain on cpu", 0),
    ],
)
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


def deploy(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "rlvr.cli", "deploy", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_prints_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(load.dump(CONFIGS["small"]))
    words = ["rayjob", str(tmp_path / "run.toml"), "--name", "mine"]
    assert yaml.safe_load(deploy(*words, "--gpus", "1").stdout)["metadata"]["name"] == "mine"
    wrong = deploy(*words, "stepz=3")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "stepz" in wrong.stderr


@pytest.mark.parametrize("kind", ["rayjob", "raycluster"])
def test_what_kubernetes_or_the_run_would_refuse_is_refused_in_one_line(tmp_path: Path, kind: str) -> None:
    (tmp_path / "run.toml").write_text(load.dump(CONFIGS["small"]))
    (tmp_path / "bare.toml").write_text('stage = "sft"\ndata = "rows.jsonl"\n')
    for words in (["bare.toml"], *(["run.toml", f"--name={name}"] for name in ("My Run", "9a", "a-", "", "a" * 48))):
        done = deploy(kind, str(tmp_path / words[0]), *words[1:])
        assert (done.returncode, done.stdout) == (2, ""), words
        assert "expected" in done.stderr
        assert all(line.startswith("error: ") for line in done.stderr.splitlines())


def test_more_gpus_than_asked_for_are_told_of(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(load.dump(CONFIGS["small"]))
    done = deploy("raycluster", str(tmp_path / "run.toml"), "--gpus", "10")
    assert done.stderr == "note: 2 pods of 8 GPUs are 16, for the 10 asked for\n"
    assert deploy("raycluster", str(tmp_path / "run.toml"), "--gpus", "16").stderr == ""
