"""The deployment files for the service: what they start is started, and they keep the walls that they promise."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import yaml

from sandbox.process.seccomp import ALLOWED

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile.service").read_text()
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["verifiers"]
CLUSTER = {part["kind"]: part for part in yaml.safe_load_all((DEPLOY / "kubernetes/service.yaml").read_text())}
POD = CLUSTER["Deployment"]["spec"]["template"]["spec"]
[CONTAINER] = POD["containers"]
ENTRYPOINT = json.loads(re.search(r"^ENTRYPOINT (.*)$", DOCKERFILE, re.MULTILINE)[1])
FORBIDDEN = (
    "bpf ptrace process_vm_readv process_vm_writev kexec_load init_module finit_module delete_module open_by_handle_at "
    "reboot swapon keyctl add_key request_key perf_event_open io_uring_setup userfaultfd iopl ioperm acct quotactl"
)


@pytest.mark.parametrize("arguments", [[], COMPOSE["command"], CONTAINER["args"]], ids=["image", "compose", "cluster"])
def test_what_they_start_answers_their_probes(arguments):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    words = [*ENTRYPOINT, *arguments]
    command = [sys.executable, "-m", "rlvr.cli", *words[1:], "--port", port]
    environment = os.environ | {"RLVR_API_KEYS": "k" * 32}
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert answered(f"http://127.0.0.1:{port}{CONTAINER[kind]['httpGet']['path']}")
        for check in (re.search(r"CMD (\[.*\])", DOCKERFILE)[1], json.dumps(COMPOSE["healthcheck"]["test"][1:])):
            program = [sys.executable, *json.loads(check.replace(":8000", f":{port}"))[1:]]
            subprocess.run(program, check=True, timeout=60)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def answered(url):
    end = time.monotonic() + 90
    while time.monotonic() < end:
        try:
            if httpx.get(url, timeout=60).status_code == 200:
                return True
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    return False


def test_without_keys_none_of_them_starts():
    command = [sys.executable, "-m", "rlvr.cli", *ENTRYPOINT[1:]]
    clean = {name: value for name, value in os.environ.items() if name != "RLVR_API_KEYS"}
    done = subprocess.run(command, env=clean, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "set RLVR_API_KEYS" in done.stderr
    assert "RLVR_API_KEYS:?" in (DEPLOY / "compose.yaml").read_text()


def test_nobody_is_root_and_nothing_can_be_written():
    assert "USER 10001:10001" in DOCKERFILE
    assert COMPOSE["read_only"] is True
    assert COMPOSE["cap_drop"] == ["ALL"]
    assert {"no-new-privileges:true", "seccomp:service-seccomp.json"} <= set(COMPOSE["security_opt"])
    assert not COMPOSE.get("privileged")
    assert COMPOSE["ports"][0].startswith("127.0.0.1:")
    walls = CONTAINER["securityContext"]
    assert (walls["readOnlyRootFilesystem"], walls["allowPrivilegeEscalation"]) == (True, False)
    assert walls["capabilities"] == {"drop": ["ALL"]}
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert (POD["hostUsers"], POD["automountServiceAccountToken"]) == (False, False)
    assert POD["securityContext"]["seccompProfile"]["type"] == "Localhost"


def test_nothing_gets_out_and_all_parts_mean_the_same_pods():
    policy = CLUSTER["NetworkPolicy"]["spec"]
    assert policy["egress"] == []
    assert {*policy["policyTypes"]} == {"Ingress", "Egress"}
    labels = CLUSTER["Deployment"]["spec"]["template"]["metadata"]["labels"]
    for kind, path in (
        ("Deployment", "selector"),
        ("PodDisruptionBudget", "selector"),
        ("NetworkPolicy", "podSelector"),
    ):
        assert CLUSTER[kind]["spec"][path]["matchLabels"] == labels
    assert CLUSTER["Service"]["spec"]["selector"] == labels
    assert (
        CLUSTER["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"]
        == CLUSTER["Deployment"]["metadata"]["name"]
    )


def test_the_profile_allows_what_the_sandbox_needs_and_no_more():
    profile = json.loads((DEPLOY / "service-seccomp.json").read_text())
    allowed = {name for rule in profile["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]}
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    assert set(ALLOWED) <= allowed
    assert {"unshare", "mount", "umount2", "pivot_root", "mount_setattr", "sethostname"} <= allowed
    assert allowed & set(FORBIDDEN.split()) == set()


def test_the_image_gets_what_it_copies_and_no_torch():
    copied = [shlex.split(line)[1:-1] for line in DOCKERFILE.splitlines() if line.startswith("COPY")]
    assert [name for names in copied for name in names if not (ROOT / name).exists()] == []
    shown = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {name for names in copied for name in names} == shown
    [install] = [line for line in DOCKERFILE.splitlines() if "pip install" in line]
    assert "-c deploy/constraints.txt . &&" in install  # no extras
