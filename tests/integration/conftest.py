"""What several tests of whole runs begin with."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`base/`, a model that knows nothing, and `tasks.jsonl`, whose rewards differ by chance: how many words."""
    from rlvr import tiny  # here, for it imports torch, which most tests beside these do without
    from rlvr.tasks import procedural
    from verifiers import Task

    folder = tmp_path_factory.mktemp("run")
    texts = [p.prompt for p, _ in zip(procedural.problems(0, "train"), range(60), strict=False)]
    tiny.build(folder / "base", texts, vocabulary=300, hidden=16, layers=1, seed=0)
    words = {"num_words": 2, "relation": "at least"}
    reference = {"instruction_id_list": ["length_constraints:number_words"], "kwargs": [words]}
    tasks = [Task(id=f"t{i}", prompt=f"{i} words", verifier="instructions", reference=reference) for i in range(24)]
    (folder / "tasks.jsonl").write_text("\n".join(task.model_dump_json() for task in tasks))
    return folder


@pytest.fixture(scope="module")
def job_server() -> Iterator[tuple[str, dict[str, str]]]:
    """Address and environment of a cluster that the user started."""
    port, dashboard, agent = free_port(), free_port(), free_port()
    environment = os.environ | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16)}
    ray = Path(sys.executable).with_name("ray")
    ports = [f"--port={port}", f"--dashboard-port={dashboard}"]
    ports += [f"--dashboard-agent-listen-port={agent}"]  # a cluster that was killed may hold the usual one for a while
    server = subprocess.Popen(
        [ray, "start", "--head", "--block", "--num-cpus=2", *ports],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for("127.0.0.1", dashboard)
        yield f"http://127.0.0.1:{dashboard}", environment
    finally:
        server.terminate()
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            server.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(host: str, port: int) -> None:
    deadline = time.monotonic() + 90
    while True:
        with socket.socket() as probe:
            if probe.connect_ex((host, port)) == 0:
                return
        assert time.monotonic() < deadline, "the job server did not come up"
        time.sleep(0.2)
