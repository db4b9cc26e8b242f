"""A Ray cluster of our own comes up on any machine, whatever earlier ones left there."""

import os
import socket
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from rlvr.jobs import AGENT_PORT

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(600)]

PROGRAM = """
from rlvr import own_ray
own_ray.prepare()
from rlvr.jobs import attached
with attached():
    print("up")
"""


def test_the_address_of_a_killed_cluster_is_not_waited_for() -> None:
    """Ray keeps the address of the last cluster in a file; a killed one does not take it away."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # Ray's sockets need a short path
        (Path(folder) / "ray").mkdir()
        (Path(folder) / "ray" / "ray_current_cluster").write_text("127.0.0.1:9")
        environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=environment | {"RAY_TMPDIR": folder},
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.stdout == "up\n", done.stderr[-2000:]
    assert "Failed to connect" not in done.stderr


JOBS = """
import subprocess, sys
from rlvr import own_ray
own_ray.prepare()
from rlvr import jobs
ASK = "import ray; ray.init(log_to_driver=False); print('at', ray.get_runtime_context().gcs_address)"
with jobs.cluster(None) as client:
    import ray
    jobs.submit(client, ["--help"], {})  # waits for the agent
    for _ in range(3):
        job = client.submit_job(entrypoint=f'{sys.executable} -c "{ASK}"')
        jobs.wait(client, job, lambda: None)
        print(f"at {ray.get_runtime_context().gcs_address}" in client.get_job_logs(job))
"""


def test_jobs_run_on_their_own_cluster_beside_another() -> None:
    """The other one holds the usual port of the agent as well."""
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    beside = PROGRAM.replace('print("up")', 'print("up", flush=True); input()')
    with closing(socket.socket()) as port:
        try:
            port.bind(("0.0.0.0", AGENT_PORT))
            port.listen()
        except OSError:
            pass  # somebody holds it already
        other = subprocess.Popen(
            [sys.executable, "-c", beside], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            assert other.stdout
            assert other.stdout.readline() == "up\n"
            done = subprocess.run(
                [sys.executable, "-c", JOBS], env=environment, capture_output=True, text=True, timeout=300
            )
        finally:
            other.communicate("\n", timeout=60)
    assert done.stdout == "True\n" * 3, done.stderr[-2000:]
