"""Ray clusters and Ray jobs: attach to one, start one that lives as long as a command, submit, follow, stop.

A cluster started here has a token of its own; see `rlvr.own_ray`.
"""

import asyncio
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import ray
from ray.job_submission import JobStatus, JobSubmissionClient

from rlvr.errors import WorkFailed

START_S = 90.0
"""A cluster that takes longer to come up is given up."""
POLL_S = 0.25


@contextmanager
def attached() -> Iterator[None]:
    """Inside a Ray job, or with RAY_ADDRESS set, that cluster; else one of our own until the block ends."""
    if ray.is_initialized():
        yield
        return
    own = not os.environ.get("RAY_ADDRESS")
    ray.init(log_to_driver=False, logging_level="error", include_dashboard=False if own else None)
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def cluster(address: str | None) -> Iterator[JobSubmissionClient]:
    """A client of the cluster at `address`, or of one that is started here and stopped when the block ends."""
    if address:
        yield JobSubmissionClient(address)
        return
    context = ray.init(include_dashboard=True, dashboard_host="127.0.0.1", log_to_driver=False, logging_level="error")
    try:
        yield _ready(f"http://{context.dashboard_url}")
    finally:
        ray.shutdown()


def _ready(url: str) -> JobSubmissionClient:
    """The client, once the job server answers."""
    deadline = time.monotonic() + START_S
    while True:
        try:
            client = JobSubmissionClient(url)
            client.list_jobs()
            return client
        except (ConnectionError, RuntimeError) as error:
            if time.monotonic() > deadline:
                raise WorkFailed(f"the job server at {url} did not answer within {START_S:.0f} s: {error}") from None
            time.sleep(POLL_S)


def submit(client: JobSubmissionClient, command: Sequence[str], metadata: dict[str, str]) -> str:
    """Start `rlvr COMMAND` as a job; returns its id."""
    entrypoint = shlex.join([sys.executable, "-m", "rlvr.cli", *command])
    job: str = client.submit_job(entrypoint=entrypoint, metadata=metadata)
    return job


def wait(client: JobSubmissionClient, job: str, watch: Callable[[], None]) -> None:
    """Until the job ends, calling `watch` now and then. Raises WorkFailed with the end of its log when it failed."""
    while not (status := client.get_job_status(job)).is_terminal():
        watch()
        time.sleep(POLL_S)
    watch()
    if status != JobStatus.SUCCEEDED:
        tail = "\n".join(client.get_job_logs(job).splitlines()[-20:])
        raise WorkFailed(f"job {job} {status.lower()}:\n{tail}")


async def follow(client: JobSubmissionClient, job: str) -> None:
    """Copy the job's log to stdout until it ends."""
    async for lines in client.tail_job_logs(job):
        sys.stdout.write(lines)
        sys.stdout.flush()


def follow_to_end(client: JobSubmissionClient, job: str) -> None:
    asyncio.run(follow(client, job))
