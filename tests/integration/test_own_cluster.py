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

pytestmark = [pytest.mark.ray, pytest.mark.slow]

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


JOB = """
import os, sys
from pathlib import Path
from rlvr import own_ray
own_ray.prepare()
from rlvr import jobs
with jobs.cluster(None) as client:
    (Path(os.environ["RAY_TMPDIR"]) / "ray" / "ray_current_cluster").write_text("127.0.0.1:9")
    jobs.submit(client, ["--help"], {})  # waits for the agent
    attached = client.submit_job(entrypoint=f"{sys.executable} -c 'import ray; ray.init()'")
    jobs.wait(client, attached, lambda: None)
print("done")
"""


def test_jobs_run_beside_another_cluster() -> None:
    """It holds the usual port of the agent, and came up last, so that its address is the one that Ray wrote down."""
    with closing(socket.socket()) as other, tempfile.TemporaryDirectory(dir="/tmp") as folder:
        try:
            other.bind(("0.0.0.0", AGENT_PORT))
            other.listen()
        except OSError:
            pass  # somebody holds it already
        environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
        done = subprocess.run(
            [sys.executable, "-c", JOB],
            env=environment | {"RAY_TMPDIR": folder},
            capture_output=True,
            text=True,
            timeout=200,
        )
    assert done.stdout == "done\n", done.stderr[-2000:]
