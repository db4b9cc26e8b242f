"""Ray clusters and Ray jobs: attach to one, start one that lives as long as a command, submit, follow, stop.

A cluster started here has a token of its own; see `rlvr.own_ray`.
"""

import asyncio
import json
import os
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import ray
from ray._private import parameter
from ray._private.runtime_env.constants import RAY_JOB_CONFIG_JSON_ENV_VAR
from ray.exceptions import RayError
from ray.job_submission import JobStatus, JobSubmissionClient

from rlvr.errors import UserError, WorkFailed
from rlvr.settings.load import ConfigError

START_S = 90.0
"""A job server that takes longer to answer is given up."""
POLL_S = 0.25
LAST_LINES_S = 5.0
"""What a job's log has still to say may take so long once the job has ended."""
AGENT_PORT = 52365
"""Where Ray's agents listen for jobs unless told otherwise."""
TAIL = 20
"""Lines of a failed job's log that are shown."""
T = TypeVar("T")
_OWN = "local"
"""A new cluster. Without it Ray first waits for minutes for a cluster that was killed and left its address behind."""


@contextmanager
def attached() -> Iterator[None]:
    """Inside a Ray job, or with RAY_ADDRESS set, that cluster; else one of our own until the block ends.

    Raises WorkFailed when an actor or a worker died in the block, or failed by a defect, and ConfigError.
    """
    if ray.is_initialized():
        yield
        return
    if address := os.environ.get("RAY_ADDRESS"):
        if address.startswith("http"):
            raise ConfigError(
                f"RAY_ADDRESS: expected a cluster's address such as HOST:6379, got the job server {address}; "
                "`rlvr submit` sends work there"
            )
        _init()
    else:
        _start(include_dashboard=False)
    try:
        yield
    except UserError:
        raise  # ray hands an actor's error on as one of its own kind as well
    except RayError as error:
        raise WorkFailed(f"{type(error).__name__}: {_last_line(error)}") from error
    finally:
        ray.shutdown()


def _init(**settings: Any) -> Any:
    """Raises WorkFailed; Ray has a bare Exception for a node that takes over 30 s to come up, and no setting for it."""
    try:
        return ray.init(log_to_driver=False, logging_level="error", **settings)
    except Exception as error:
        load = f"load {os.getloadavg()[0]:.0f} on {os.cpu_count()} CPUs"
        busy = f" ({load}: try again when the machine has less to do)" if "timed out" in str(error) else ""
        raise WorkFailed(f"no Ray cluster: {_last_line(error)}{busy}") from error


def _start(**settings: Any) -> Any:
    """A new cluster that lives beside others on this machine, and beside the rest of killed ones.

    Its agent listens on a free port: without that no job would start here while another's holds the usual one. `ray
    start` has an option for it, `ray.init` has none. Its folder is its own, with its address in it, as `ray start`
    writes it: without that Ray hands its jobs to any cluster that it finds on the machine.
    """
    usual = parameter.RayParams
    parameter.RayParams = partial(usual, dashboard_agent_listen_port=0)
    common = Path(os.environ.get("RAY_TMPDIR", tempfile.gettempdir())) / "ray"
    common.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="own-", dir=common))
    try:
        context = _init(address=_OWN, _temp_dir=str(folder), **settings)
    finally:
        parameter.RayParams = usual
    (folder / "ray_current_cluster").write_text(context.address_info["gcs_address"])
    return context


def _last_line(error: Exception) -> str:
    """What went wrong, without the stack of the process where it did."""
    return next((line for line in reversed(str(error).splitlines()) if line.strip()), "no message").strip()


@contextmanager
def cluster(address: str | None) -> Iterator[JobSubmissionClient]:
    """A client of the cluster at `address`, or inside a Ray job or with RAY_ADDRESS set of that one.

    Else of one that is started here and stopped when the block ends. SIGTERM ends the block like `sys.exit`.
    """
    if address := address or os.environ.get("RAY_ADDRESS"):
        usual = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
        try:
            yield connect(address)
        finally:
            signal.signal(signal.SIGTERM, usual)
        return
    context = _start(include_dashboard=True, dashboard_host="127.0.0.1")
    try:
        yield _ready(f"http://{context.dashboard_url}")
    finally:
        ray.shutdown()


def connect(address: str) -> JobSubmissionClient:
    """A client of a job server that is there already, by its URL or its cluster's address. Raises ConfigError."""
    try:
        return _client(address)
    except (ConnectionError, RuntimeError, ValueError, RayError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"no Ray job server answers at {address} ({reason}); start one with `ray start --head`"
        ) from None


def _client(address: str) -> JobSubmissionClient:
    """Ray would rather follow its variables than the address that it is given."""
    aside = {name: os.environ.pop(name) for name in ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS") if name in os.environ}
    try:
        return JobSubmissionClient(address)
    finally:
        os.environ.update(aside)


def _ready(url: str) -> JobSubmissionClient:
    """The client, once the job server answers."""

    def ask() -> JobSubmissionClient:
        client = _client(url)
        client.list_jobs()
        return client

    return _answer(ask)


def _answer(ask: Callable[[], T]) -> T:
    """What the job server says. One that is not there, yet or for a moment, is asked again."""
    deadline = time.monotonic() + START_S
    while True:
        try:
            return ask()
        except (OSError, RuntimeError) as error:
            if "status code 4" in str(error):  # it is there, and has said no
                raise
            if time.monotonic() > deadline:
                raise WorkFailed(f"the job server did not answer within {START_S:.0f} s: {error}") from None
            time.sleep(POLL_S)


def submit(
    client: JobSubmissionClient, command: Sequence[str], metadata: dict[str, str], config: str | None = None
) -> str:
    """Start `rlvr COMMAND` as a job and return its id. `config` becomes the variable RLVR_CONFIG there."""
    environment = {"env_vars": {"RLVR_CONFIG": config}} if config else {}
    return _submit(client, shlex.join([_python(client), "-m", "rlvr.cli", *command]), metadata, environment)


def submit_beside(client: JobSubmissionClient, command: Sequence[str], metadata: dict[str, str]) -> str:
    """As `submit`, for a job that finds what we find: it runs in our folder and, of a Ray job, in its environment."""
    ours = os.environ.get(RAY_JOB_CONFIG_JSON_ENV_VAR)
    python = sys.executable if ours else _python(client)
    entrypoint = f"cd {shlex.quote(str(Path.cwd()))}; {shlex.join([python, '-m', 'rlvr.cli', *command])}"
    return _submit(client, entrypoint, metadata, json.loads(ours or "{}").get("runtime_env") or {})


def _submit(client: JobSubmissionClient, entrypoint: str, metadata: dict[str, str], environment: dict[str, Any]) -> str:
    deadline = time.monotonic() + START_S
    while True:
        try:
            job: str = client.submit_job(entrypoint=entrypoint, metadata=metadata, runtime_env=environment)
            return job
        except RuntimeError as error:
            # The server answers before the agent that starts jobs has reported to it.
            no_agent = "No available agent" in str(error)
            if not no_agent or time.monotonic() > deadline:
                hint = f"; does another Ray on that machine hold the agent's port, {AGENT_PORT}?" if no_agent else ""
                raise WorkFailed(
                    f"the job server refused the job: {' '.join(str(error).split())[:200]}{hint}"
                ) from None
            time.sleep(POLL_S)


def _python(client: JobSubmissionClient) -> str:
    """Our own interpreter on this machine's cluster, else whatever `python` is in the cluster's image."""
    local = any(host in client.get_address() for host in ("127.0.0.1", "localhost", "[::1]"))
    return sys.executable if local and Path(sys.executable).exists() else "python"


def wait(client: JobSubmissionClient, job: str, watch: Callable[[], None]) -> None:
    """Until the job ends, calling `watch` now and then. Raises WorkFailed with the end of its log when it failed."""
    while not _status(client, job).is_terminal():
        watch()
        time.sleep(POLL_S)
    watch()
    _check_end(client, job)


def _status(client: JobSubmissionClient, job: str) -> JobStatus:
    return _answer(lambda: client.get_job_status(job))


def follow(client: JobSubmissionClient, job: str) -> None:
    """Copy the job's log to stdout until it ends. Raises as `wait`, and ConfigError when there is no such job."""
    with _told(job):
        _status(client, job)
    asyncio.run(_copy_to_end(client, job))
    _check_end(client, job)


async def _copy_to_end(client: JobSubmissionClient, job: str) -> None:
    """It is the job's status that says when: the log's connection has no deadline, and may end before the job."""

    def has_ended() -> bool:
        time.sleep(POLL_S)
        return bool(_status(client, job).is_terminal())

    copying = asyncio.create_task(_copy(client, job))
    try:
        while not await asyncio.to_thread(has_ended):
            pass
        await asyncio.wait({copying}, timeout=LAST_LINES_S)
    finally:
        copying.cancel()
        await asyncio.gather(copying, return_exceptions=True)


async def _copy(client: JobSubmissionClient, job: str) -> None:
    try:
        async for lines in client.tail_job_logs(job):
            sys.stdout.write(lines)
            sys.stdout.flush()
    except (RuntimeError, OSError, aiohttp.ClientError) as error:
        sys.stderr.write(f"the log ends here ({error}); the job goes on\n")


def _check_end(client: JobSubmissionClient, job: str) -> None:
    status = _status(client, job)
    if status != JobStatus.SUCCEEDED:
        try:
            tail = "\n".join(client.get_job_logs(job).splitlines()[-TAIL:])
        except (OSError, RuntimeError) as error:  # gone with its node, say
            tail = f"(cannot be had: {' '.join(str(error).split())[:200]})"
        raise WorkFailed(f"job {job} {status.lower()}; the end of its log:\n{tail}")


def listed(client: JobSubmissionClient) -> list[str]:
    """One line a job: id, status, stage and run directory."""
    jobs = sorted((job for job in client.list_jobs() if job.submission_id), key=lambda job: job.start_time or 0)
    return [
        f"{job.submission_id}  {job.status:<9}  {(job.metadata or {}).get('stage', '-'):<8}  "
        f"{(job.metadata or {}).get('out', '-')}"
        for job in jobs
    ]


def stop(client: JobSubmissionClient, job: str) -> None:
    """Raises ConfigError when there is no such job."""
    with _told(job):
        client.stop_job(job)


@contextmanager
def _told(job: str) -> Iterator[None]:
    """What the job server has against a request about this job is the user's error."""
    try:
        yield
    except RuntimeError as error:
        raise ConfigError(f"job {job}: {' '.join(str(error).split())[:200]}") from None
