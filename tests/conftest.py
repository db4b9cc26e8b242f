"""What several suites share: `rlvr serve` as a process of its own, sandboxes of every kind, a real Docker engine."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from sandbox import Sandbox, SandboxUnavailable, open_sandbox
from sandbox.docker.engine import Engine

ROOT = Path(__file__).parents[1]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests" / "odd")])}
ENGINE_START_S = 30.0
DOCKER_SOCKET = Path("/var/run/docker.sock")
Opener = Callable[[str], Sandbox]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def wait_for(condition, seconds=100.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def answers(url, process):
    assert process.poll() is None, process.communicate()
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False


@contextlib.contextmanager
def serve(*arguments, **environment):
    port = free_port()
    command = [sys.executable, "-W", "error", "-m", "rlvr.cli", "serve", "--port", str(port), *map(str, arguments)]
    with subprocess.Popen(
        command, env=ENVIRONMENT | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            wait_for(lambda: answers(url, process))
            yield url, process
        finally:
            process.terminate()
            _, errors = process.communicate(timeout=100)
            sys.stderr.write(errors.decode())


@pytest.fixture(scope="session")
def serving():
    """`with serving(*arguments, **environment) as (url, process)`: the service, with the odd verifiers as plug-ins."""
    return serve


@pytest.fixture(scope="session")
def docker_url() -> Iterator[str]:
    """Where a real engine listens: the one of DOCKER_HOST, one started here as root, or the one that runs already."""
    if "DOCKER_HOST" in os.environ:
        yield os.environ["DOCKER_HOST"]
    elif os.geteuid() == 0 and shutil.which("dockerd"):
        with tempfile.TemporaryDirectory(prefix="rlvr-docker-") as folder, started_engine(Path(folder)) as url:
            yield url
    elif DOCKER_SOCKET.exists() and os.access(DOCKER_SOCKET, os.W_OK):
        yield f"unix://{DOCKER_SOCKET}"
    else:
        pytest.skip("no Docker engine: set DOCKER_HOST, or run as root with dockerd (Debian's docker.io) on PATH")


@contextlib.contextmanager
def started_engine(folder: Path) -> Iterator[str]:
    """An engine with all its state in `folder`. Skips, with its last words, where it cannot run."""
    url = f"unix://{folder}/docker.sock"
    (folder / "daemon.json").write_text(json.dumps(configuration()))
    command = ["dockerd", f"--config-file={folder}/daemon.json", f"--data-root={folder}/data", "-H", url]
    command += [f"--exec-root={folder}/exec", f"--pidfile={folder}/dockerd.pid"]
    with (folder / "log").open("wb") as log:
        engine = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        until = time.monotonic() + ENGINE_START_S
        while not engine_answers(url):
            if engine.poll() is not None or time.monotonic() > until:
                last = (folder / "log").read_text().strip().splitlines()[-1:]
                pytest.skip(f"dockerd does not start here: {last}")
            time.sleep(0.1)
        yield url
    finally:
        engine.terminate()
        try:
            engine.wait(ENGINE_START_S)
        except subprocess.TimeoutExpired:
            engine.kill()
            engine.wait()


def configuration() -> dict[str, object]:
    """No network at all; and gVisor where it is installed."""
    runsc = shutil.which("runsc")
    arguments = ["--network=none", "--platform=ptrace"]  # what needs neither KVM nor a bridge
    return {
        "bridge": "none",
        "iptables": False,
        "ip6tables": False,
        "ip-forward": False,
        "ip-masq": False,
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "runtimes": {"runsc": {"path": runsc, "runtimeArgs": arguments}} if runsc else {},
    }


def engine_answers(url: str) -> bool:
    try:
        Engine(url, 5.0).close()
    except SandboxUnavailable:
        return False
    return True


@pytest.fixture(scope="session")
def open_kind(request: pytest.FixtureRequest) -> Opener:
    """Opens a sandbox: `process`, or on Docker `one-shot`, `workers` or `gvisor`."""

    def open_it(kind: str) -> Sandbox:
        if kind == "process":
            try:
                return open_sandbox("process", parallel=2)
            except SandboxUnavailable as error:
                pytest.skip(str(error))
        url = request.getfixturevalue("docker_url")
        if kind == "gvisor":
            return open_sandbox("docker", parallel=2, url=url, runtime="runsc")
        return open_sandbox("docker", parallel=2, url=url, mode=kind)

    return open_it


KINDS = ["process", *(pytest.param(kind, marks=pytest.mark.docker) for kind in ("one-shot", "workers"))]
"""All that must keep the whole contract."""


@pytest.fixture(scope="session", params=KINDS)
def any_box(request: pytest.FixtureRequest, open_kind: Opener) -> Iterator[Sandbox]:
    with open_kind(request.param) as sandbox:
        yield sandbox
