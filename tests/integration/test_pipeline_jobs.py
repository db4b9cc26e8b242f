"""A pipeline on a cluster that is the user's: its stages are jobs of that cluster, and end with it."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(300)]

RLVR = [sys.executable, "-m", "rlvr.cli"]
CONFIG = """
stage = "pipeline"
model = "{folder}/base"
out = "{out}"
sft = {{ data = "shown.jsonl", epochs = {epochs}, batch_size = 2, compute = {{ threads = 1 }} }}
"""

Server = tuple[str, dict[str, str]]


def write(folder: Path, here: Path, name: str, epochs: int) -> Path:
    """The configuration and its data in a folder of their own; the data by a path relative to it."""
    turns = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    (here / "shown.jsonl").write_text(json.dumps({"messages": turns}) + "\n")
    (here / "chain.toml").write_text(CONFIG.format(folder=folder, out=folder / name, epochs=epochs))
    return folder / name


def listed(server: Server) -> list[list[str]]:
    """Id, status, stage and run directory of the cluster's jobs."""
    command = [*RLVR, "jobs", "list", "--address", server[0]]
    done = subprocess.run(command, env=server[1], capture_output=True, text=True, timeout=60, check=True)
    return [line.split() for line in done.stdout.splitlines()]


def wait_until(server: Server, job: list[str]) -> None:
    """Until a job's status, stage and run directory are these."""
    deadline = time.monotonic() + 60
    while job not in (seen := [row[1:] for row in listed(server)]):
        assert time.monotonic() < deadline, seen
        time.sleep(0.2)


def test_stages_are_jobs_of_the_cluster_that_the_pipeline_runs_on(
    folder: Path, job_server: Server, tmp_path: Path
) -> None:
    """Each runs where the pipeline does, be that an uploaded working directory: it finds what the pipeline finds."""
    address, environment = job_server
    out = write(folder, tmp_path, "[/chain]", epochs=1)  # a name that is no markup
    ray = [str(Path(sys.executable).with_name("ray")), "job", "submit", "--address", address]
    job = [*ray, "--working-dir", str(tmp_path), "--", *RLVR, "pipeline", "chain.toml"]
    ready = "import sys; from rlvr import jobs; jobs.submit(jobs.connect(sys.argv[1]), ['--help'], {})"
    subprocess.run(
        [sys.executable, "-c", ready, address], env=environment, timeout=120, check=True
    )  # ray does not wait
    done = subprocess.run(job, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert ["SUCCEEDED", "sft", str(out / "sft")] in [row[1:] for row in listed(job_server)]
    assert (out / "sft" / "model" / "config.json").exists()


def test_a_pipeline_that_is_ended_ends_its_stage(folder: Path, job_server: Server, tmp_path: Path) -> None:
    """SIGTERM is what `rlvr jobs stop` sends. The cluster is named by RAY_ADDRESS here, and goes on without us."""
    address, environment = job_server
    out = write(folder, tmp_path, "ended", epochs=100_000)
    run = subprocess.Popen(
        [*RLVR, "pipeline", "chain.toml"],
        cwd=tmp_path,
        env=environment | {"RAY_ADDRESS": address},
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(job_server, ["RUNNING", "sft", str(out / "sft")])
    finally:
        run.terminate()
        run.wait(60)
    wait_until(job_server, ["STOPPED", "sft", str(out / "sft")])
