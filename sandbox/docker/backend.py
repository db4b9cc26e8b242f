"""DockerSandbox: programs in containers of a Docker engine, one-shot or with the process backend inside."""

import itertools
import json
import threading
from collections.abc import Sequence
from typing import Literal, get_args

from sandbox.base import Limits, RunRequest, SandboxError, SandboxUnavailable
from sandbox.docker import image as images
from sandbox.docker.container import Container, command, sources
from sandbox.docker.engine import CALL_S, Engine, EngineError, Spec
from sandbox.docker.lanes import OneShot, Walled, shape_for
from sandbox.docker.pool import Pool, Shape
from sandbox.lane import Lane, LaneLostError
from sandbox.languages import Language, Toolchain
from sandbox.process import probe
from sandbox.process.backend import PRELOAD
from sandbox.runner import Runner
from sandbox.users import Claim

Mode = Literal["one-shot", "workers"]
_NO_TOOLS_NEEDED = Toolchain((), (), ())
_TOOLS_SHAPE = Shape(256 << 20, 64, 16 << 20)
_GROUPS = {"MemoryLimit": "cgroup-memory", "PidsLimit": "cgroup-pids", "CpuCfsQuota": "cgroup-cpu"}
"""What an engine says that it can limit, and the layer that this makes."""
_serial = itertools.count()


class DockerSandbox(Runner):
    """Runs each program in a container without network, rights, or a file system to write to.

    parallel: runs at once, by default one for each core this process may use.
    mode: `one-shot`, a fresh container for each run, made ahead of need; or `workers`, one container for each lane and
    the process backend in it, many times faster, for which the engine's machine must allow user namespaces.
    image: what programs find around them. Without one of that name, one is made from this machine's Python.
    runtime: the engine's name of another runtime, such as gVisor's `runsc`, which gives programs a kernel of their own.
    spares: one-shot containers to keep ready. url: where the engine listens, by default what DOCKER_HOST says.
    timeout_s: deadline of each call to the engine.
    Raises SandboxUnavailable when there is no engine, or it cannot give the protection.
    """

    backend = "docker"

    def __init__(
        self,
        *,
        parallel: int | None = None,
        mode: Mode = "one-shot",
        image: str = images.NAME,
        runtime: str | None = None,
        preload: Sequence[str] = PRELOAD,
        spares: int | None = None,
        url: str | None = None,
        timeout_s: float = CALL_S,
    ) -> None:
        if mode not in get_args(Mode):
            raise SandboxError(f"mode must be one of {', '.join(get_args(Mode))}; got {mode!r}")
        self._mode = mode
        self._image = image
        self._runtime = runtime
        self._preload = tuple(preload)
        self._spares = spares
        self._url = url
        self._timeout_s = timeout_s
        self._code = sources()
        self._tools: dict[str, Toolchain] = {}
        self._asking = threading.Lock()
        super().__init__(parallel)
        try:
            self.layers = self._prove_layers()
        except (EngineError, LaneLostError) as error:
            self.close()
            raise SandboxUnavailable(f"the Docker sandbox could not start: {error}") from error
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        super()._begin()
        self._engine = Engine(self._url, self._timeout_s)
        limits = Limits()
        usual = shape_for(limits.memory_mb << 20, limits.processes, limits.file_mb << 20)
        self._containers = Pool(lambda shape: self._make(shape, "bare"), self._spares or self._parallel, usual)

    def _prove_layers(self) -> tuple[str, ...]:
        """The layers that a program finds in force when it looks from the inside, and what the engine holds it with."""
        if self._runtime is not None and self._runtime not in self._engine.info["Runtimes"]:
            known = ", ".join(self._engine.info["Runtimes"])
            raise SandboxUnavailable(f"the Docker engine has no runtime {self._runtime!r}; it has {known}")
        images.ensure(self._engine, self._image)
        for orphan in self._engine.orphans():
            self._engine.remove(orphan)
        told = self.run(RunRequest("python", probe.LOOK_AROUND))
        if told.status == "sandbox_error":
            raise LaneLostError(told.stderr.strip())
        seen = probe.layers_seen(told.stdout, told.stderr)
        held = [layer for kind, layer in _GROUPS.items() if self._engine.info.get(kind)]
        return ("container", *([self._runtime] if self._runtime else []), *seen, *held)

    def _open_lane(self) -> Lane:
        if self._mode == "workers":
            return Walled(lambda shape: self._make(shape, "walled"))
        return OneShot(self._containers)

    def _make(self, shape: Shape, mode: str) -> Container:
        claim = Claim(images.USER_IDS, next(_serial))
        spec = Spec(
            image=self._image,
            command=command(mode, len(self._code), self._preload),
            runtime=self._runtime,
            walls=mode == "walled",
            user_id=claim.user_id,
            memory=shape.memory,
            processes=shape.processes,
            disk=shape.disk,
        )
        return Container(self._engine, spec, self._code, claim)

    def toolchain(self, language: Language) -> Toolchain:
        if language.name == "python":
            return _NO_TOOLS_NEEDED
        with self._asking:
            if not self._tools:
                self._tools = self._ask_for_tools()
            return self._tools[language.name]

    def _ask_for_tools(self) -> dict[str, Toolchain]:
        """What a container of the image finds on its PATH."""
        try:
            container = self._make(_TOOLS_SHAPE, "tools")
        except (EngineError, LaneLostError) as error:
            raise SandboxUnavailable(f"the Docker engine could not say which languages it has: {error}") from error
        container.close()
        remedy = f"the image {self._image!r} lacks it; see docs/sandbox.md on images"
        told = json.loads(container.greeting)
        return {name: Toolchain(tuple(path), (), tuple(missing), remedy) for name, (path, missing) in told.items()}

    def close(self) -> None:
        """End all lanes and remove all containers. Runs that are on end as `sandbox_error`."""
        super().close()
        self._containers.close()
        self._engine.close()
