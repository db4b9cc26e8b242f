"""All that is said to the Docker engine, and the only file that knows its SDK. Every call has a deadline."""

import contextlib
import json
import os
import select
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import docker

from sandbox.base import SandboxUnavailable
from sandbox.docker.profile import seccomp_profile
from sandbox.process.walls import ENVIRONMENT

CALL_S = 30.0
LABEL = "rlvr.sandbox"
"""Its value tells whose a container is."""
_MOST_UPLOAD_S = 600.0
_OLDEST_API = docker.constants.MINIMUM_DOCKER_API_VERSION
_STREAM_HEAD = struct.Struct("!BxxxI")
_STDOUT = 1
_MOST_ERRORS = 4000
_SHARED_MEMORY = 16 << 20
_SCRATCH = 16 << 20
"""For scripts and our own sources."""
_INODES = 8192
_CPU_PERIOD_US = 20_000
"""A fifth of what is usual: a container that is out of its share, and who watches the run in it, wait for the next."""
_CPU_QUOTA_US = {False: _CPU_PERIOD_US, True: _CPU_PERIOD_US * 3 // 2}
"""Where there are walls inside, the next run's are built while one is on."""
_MASKED = (
    "/dev/pts", "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
    "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap",
    "/sys/firmware",
)  # fmt: skip
"""What engines hide by themselves, and terminals: the host has a few thousand, and one program could take them all."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class EngineError(Exception):
    """The engine refused a call, or did not answer in time."""


class Spec(NamedTuple):
    """One container. Sizes in bytes."""

    image: str
    command: tuple[str, ...]
    runtime: str | None
    walls: bool
    """Whether it builds namespaces inside."""
    user_id: int
    memory: int
    processes: int
    disk: int


class Stream:
    """The standard streams of a container: as they are on the way in, in the engine's frames on the way out."""

    def __init__(self, hijacked: Any) -> None:
        self._hijacked = hijacked  # closes the connection when it is forgotten
        self._socket: socket.socket = getattr(hijacked, "_sock", hijacked)
        self._pending = b""
        self.errors = b""
        """The end of what came on standard error."""
        self.deadline = 0.0
        """On the monotonic clock; past it, reading and writing raise TimeoutError."""

    def write(self, content: bytes) -> None:
        self._set_timeout()
        self._socket.sendall(content)

    def read(self, count: int) -> bytes:
        """Exactly so many bytes of standard output. Raises ConnectionError when there will not be as many."""
        parts: list[bytes] = []
        while count:
            if not self._pending:
                self._pending = self._next()
            part, self._pending = self._pending[:count], self._pending[count:]
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _next(self) -> bytes:
        """What comes next on standard output."""
        while True:
            kind, size = _STREAM_HEAD.unpack(self._receive(_STREAM_HEAD.size))
            content = self._receive(size)
            if kind == _STDOUT and content:
                return content
            self.errors = (self.errors + content)[-_MOST_ERRORS:]

    def _receive(self, count: int) -> bytes:
        parts: list[bytes] = []
        while count:
            self._set_timeout()
            part = self._socket.recv(min(count, 1 << 16))
            if not part:
                raise ConnectionResetError("its streams ended")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _set_timeout(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("it did not answer in time")
        self._socket.settimeout(left)

    def is_quiet(self) -> bool:
        """Whether nothing waits to be read: not even its end."""
        return not select.select([self._socket], [], [], 0)[0]

    def shut(self) -> None:
        """Wake whoever reads. Safe from another thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.shut()
        self._hijacked.close()
        self._socket.close()


class Engine:
    """A connection to an engine. Safe to share between threads."""

    def __init__(self, url: str | None, timeout_s: float) -> None:
        """url: where it listens; by default what DOCKER_HOST and its like say. Raises SandboxUnavailable."""
        settings = docker.utils.kwargs_from_env()
        self.url = url or settings.get("base_url") or "unix:///var/run/docker.sock"
        settings |= {"base_url": self.url, "timeout": timeout_s}
        try:
            _knock(self.url, timeout_s)
            # The SDK's own way to agree on a version leaves its connection open when that fails.
            with contextlib.closing(docker.APIClient(**settings, version=_OLDEST_API)) as first:
                version = first.version(api_version=False)["ApiVersion"]
            self._api = docker.APIClient(**settings, version=version)
            with _closed_on_failure(self._api):
                self.info: dict[str, Any] = self._api.info()
        except (docker.errors.DockerException, OSError) as error:
            why = _first_line(error)
            raise SandboxUnavailable(
                f"no Docker engine answers at {self.url}: {why}. Start one, or say where it is with DOCKER_HOST"
            ) from error

    def image(self, name: str) -> str | None:
        """The image's id, if there is one of that name."""
        with _calling("image"):
            try:
                return str(self._api.inspect_image(name)["Id"])
            except docker.errors.ImageNotFound:
                return None

    def import_image(self, chunks: Iterable[bytes], name: str, changes: list[str]) -> None:
        """Make an image of a root file system's tar stream."""
        with _calling("import"):
            repository, _, tag = name.partition(":")
            parameters = {"fromSrc": "-", "repo": repository, "tag": tag or "latest", "changes": changes}
            url = self._api._url("/images/create")
            # Not import_image(), which takes a whole file into memory.
            answer = self._api.post(url, data=iter(chunks), params=parameters, timeout=_MOST_UPLOAD_S)
            self._api._raise_for_status(answer)
            for line in answer.text.splitlines():
                if "error" in json.loads(line):
                    raise EngineError(f"import: {json.loads(line)['error']}")

    def create(self, spec: Spec) -> str:
        """A container, not started yet. Gives its id."""
        with _calling("create"):
            made = self._api.create_container(
                spec.image,
                entrypoint=list(spec.command[:1]),
                command=list(spec.command[1:]),
                user=f"{spec.user_id}:{spec.user_id}",
                environment={"LANG": ENVIRONMENT["LANG"]},  # by which Python chooses its encodings
                working_dir="/",
                hostname="sandbox",
                stdin_open=True,
                network_disabled=True,
                labels={LABEL: f"{_where()}/{os.getpid()}"},
                host_config=self._host_config(spec),
            )
            return str(made["Id"])

    def _host_config(self, spec: Spec) -> dict[str, Any]:
        options = ["no-new-privileges", f"seccomp={json.dumps(seccomp_profile(spec.walls))}"]
        if spec.walls:
            options.append("apparmor=unconfined")  # Docker's own profile forbids all mounts, namespace or not
        mine = f"uid={spec.user_id},gid={spec.user_id}"
        config: dict[str, Any] = self._api.create_host_config(
            runtime=spec.runtime,
            network_mode="none",
            ipc_mode="private",
            read_only=True,
            cap_drop=["ALL"],
            security_opt=options,
            pids_limit=spec.processes,
            mem_limit=spec.memory,
            memswap_limit=spec.memory,
            cpu_period=_CPU_PERIOD_US,
            cpu_quota=_CPU_QUOTA_US[spec.walls],
            shm_size=_SHARED_MEMORY,
            tmpfs={
                "/tmp": f"rw,exec,nosuid,nodev,size={spec.disk},nr_inodes={_INODES},mode=700,{mine}",
                "/run": f"rw,noexec,nosuid,nodev,size={_SCRATCH},nr_inodes={_INODES},mode=755,{mine}",
            },
            dns=["127.0.0.1"],  # else the host's name servers would be told to it
            ulimits=[docker.types.Ulimit(name="core", soft=0, hard=0)],
            log_config=docker.types.LogConfig(type="none"),
        )
        # Masked paths make the kernel refuse a fresh /proc in a namespace: it would show what they hide.
        return config | ({"MaskedPaths": [], "ReadonlyPaths": []} if spec.walls else {"MaskedPaths": [*_MASKED]})

    def attach(self, container: str) -> "Stream":
        """Before its start, so that nothing is missed."""
        with _calling("attach"):
            return Stream(
                self._api.attach_socket(container, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
            )

    def start(self, container: str) -> None:
        with _calling("start"):
            self._api.start(container)

    def limit_memory(self, container: str, memory: int) -> None:
        with _calling("update"):
            self._api.update_container(container, mem_limit=memory, memswap_limit=memory)

    def ended_for_memory(self, container: str, patience_s: float = 3.0) -> bool:
        """Whether it ended because it ran out of memory. Waits a moment for it to be over."""
        until = time.monotonic() + patience_s
        while True:
            with _calling("inspect"):
                state = self._api.inspect_container(container)["State"]
            if not state["Running"] or time.monotonic() > until:
                return bool(state["OOMKilled"])
            time.sleep(0.02)

    def remove(self, container: str) -> None:
        """Kill and remove it; one that is gone, or going, is as good."""
        with contextlib.suppress(EngineError), _calling("remove"):
            self._api.remove_container(container, force=True, v=True)

    def orphans(self) -> Iterator[str]:
        """Containers of processes of this machine that are no more."""
        with _calling("list"):
            found = self._api.containers(all=True, filters={"label": LABEL})
        for each in found:
            where, _, pid = each["Labels"][LABEL].rpartition("/")
            if where == _where() and not Path(f"/proc/{pid}").exists():
                yield each["Id"]

    def close(self) -> None:
        self._api.close()


def _where() -> str:
    """Among whose processes a pid means something: this boot, this pid namespace."""
    boot = _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else "unknown"
    space = Path("/proc/self/ns/pid")
    return f"{boot}/{space.readlink() if space.exists() else 'none'}"


def _knock(url: str, timeout_s: float) -> None:
    """Raise OSError when nobody listens. (The SDK leaves a socket open then.)"""
    kind, _, path = url.partition("://")
    if kind in ("unix", "http+unix"):
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(timeout_s)
            door.connect(path)


@contextlib.contextmanager
def _closed_on_failure(api: Any) -> Iterator[None]:
    try:
        yield
    except BaseException:
        api.close()
        raise


@contextlib.contextmanager
def _calling(what: str) -> Iterator[None]:
    try:
        yield
    except (docker.errors.DockerException, OSError) as error:
        raise EngineError(f"{what}: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
