"""What several suites share: `rlvr serve` as a process of its own."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[1]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests" / "odd")])}


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
