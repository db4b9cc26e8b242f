"""The same weights from a whole run, from one that was killed and resumed, and from a job on the user's cluster."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from runpy import run_path

import pytest

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(600)]

RUNS = run_path(str(Path(__file__).with_name("finished_runs.py")))
STEPS = 8
CONFIG = """
stage = "rl"
model = "{folder}/base"
out = "{folder}/{name}"
steps = {steps}
prompts_per_step = 6
group_size = 4
max_lag = 0
refill = 0
checkpoint_every = 3
evaluate_every = 4
sampling = {{ max_tokens = 6 }}
tasks = {{ train = "{folder}/tasks.jsonl", validation = "{folder}/tasks.jsonl", limit = 12, contaminated = "keep" }}
optim = {{ lr = 1e-3 }}
compute = {{ threads = 1 }}
"""


def command(folder: Path, name: str, *more: str) -> list[str]:
    path = folder / f"{name}.toml"
    path.write_text(CONFIG.format(folder=folder, name=name, steps=STEPS))
    return [sys.executable, "-m", "rlvr.cli", "rl", str(path), *more]


def finish(folder: Path, name: str, *more: str) -> None:
    done = subprocess.run(command(folder, name, *more), capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-2000:]


def kill_after(folder: Path, name: str, steps: int) -> None:
    """Kill -9 the run, and everything that it started, once so many steps are journaled."""
    run = subprocess.Popen(
        command(folder, name), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 150
    while RUNS["steps_of"](folder / name) < steps:
        assert run.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline, "the run made no progress"
        time.sleep(0.01)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()


@pytest.fixture(scope="module")
def whole(folder: Path) -> Path:
    """The folder, with an uninterrupted run in it."""
    finish(folder, "whole")
    return folder


def check_same(folder: Path, name: str) -> None:
    RUNS["check_same"](folder / name, folder / "whole")
    assert (folder / name / "model" / "config.json").exists()


def test_a_killed_run_ends_like_one_that_was_not(whole: Path) -> None:
    kill_after(whole, "killed", 5)
    finish(whole, "killed", "--resume")
    check_same(whole, "killed")


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of its own, with room for the beginning of a run."""
    disk = folder / "disk"
    disk.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=500k", "tmpfs", disk], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"only who may mount can have a small disk: {done.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_full_disk_stops_the_run_and_loses_nothing(whole: Path, small_disk: Path) -> None:
    run = command(whole, "disk/run")
    done = subprocess.run(run, capture_output=True, text=True, timeout=200)
    assert done.returncode == 1, done.stderr[-2000:]
    assert done.stderr.splitlines()[-1].startswith("error: the disk of ")
    assert "Traceback" not in done.stderr
    reached = RUNS["steps_of"](small_disk / "run")
    assert 0 < reached < STEPS
    subprocess.run(["mount", "-o", "remount,size=50m", small_disk], check=True)
    finish(whole, "disk/run", "--resume")
    check_same(whole, "disk/run")


def test_a_submitted_job_gives_the_same_run(whole: Path, job_server: tuple[str, dict[str, str]]) -> None:
    address, environment = job_server
    stage = ["submit", "rl", command(whole, "by-rlvr")[-1], "--address", address, "--wait"]
    done = subprocess.run(
        [sys.executable, "-m", "rlvr.cli", *stage], env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    check_same(whole, "by-rlvr")
    # Ray's own command does not wait for the agent that starts jobs; ours, above, does.
    ray = str(Path(sys.executable).with_name("ray"))
    by_ray = [ray, "job", "submit", "--address", address, "--", *command(whole, "by-ray")]
    done = subprocess.run(by_ray, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    check_same(whole, "by-ray")


def test_a_run_directory_in_use_needs_resume(folder: Path) -> None:
    (folder / "used").mkdir()
    (folder / "used" / "journal.sqlite").touch()
    done = subprocess.run(command(folder, "used"), capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--resume" in done.stderr
