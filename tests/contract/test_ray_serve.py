"""The service behind Ray Serve, as `serve run` starts it, with a key and without."""

import os
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.ray]

ROOT = Path(__file__).parents[2]
SERVE = ROOT / ".venv-contract/bin/serve"
KEY = "k" * 32


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.mark.timeout(290)
def test_verdicts_come_through_ray_serve(foreign, tmp_path):
    if not SERVE.exists():
        pytest.skip("needs ./.venv-contract: `make test-contract` makes it")
    port = free_port()
    (tmp_path / "serve.yaml").write_text(
        f"http_options: {{host: 127.0.0.1, port: {port}}}\n"
        "applications:\n- {name: verifiers, import_path: 'rlvr.serve_app:build', route_prefix: /, args: {cpus: 1}}\n"
    )
    settings = {
        "RLVR_API_KEYS": KEY,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": "t" * 64,
        "RAY_ADDRESS": "local",
        "RAY_raylet_start_wait_time_s": "120",
    }
    command = [SERVE, "run", tmp_path / "serve.yaml"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | settings, stdout=log, stderr=log, cwd=tmp_path)
    try:
        url, end = f"http://127.0.0.1:{port}", time.monotonic() + 200
        while not ready(url):
            assert process.poll() is None, (tmp_path / "log").read_text()[-3000:]
            assert time.monotonic() < end, (tmp_path / "log").read_text()[-3000:]
            time.sleep(0.5)
        row = {"verifier": "math", "response": "\\boxed{4}", "reference": "4"}
        headers = {"Authorization": f"Bearer {KEY}"}
        assert httpx.post(f"{url}/v1/verify", json=row, headers=headers, timeout=60).json()["status"] == "correct"
        program = {"language": "python", "code": "print(6 * 7)"}
        assert httpx.post(f"{url}/run_code", json=program, headers=headers, timeout=60).json()["status"] == "Success"
        assert httpx.post(f"{url}/v1/verify", json=row, timeout=60).status_code == 401
    finally:
        process.terminate()
        process.wait(timeout=60)


def ready(url):
    try:
        return httpx.get(f"{url}/healthz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
