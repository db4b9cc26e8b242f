"""ProcessSandbox: a lane for each core, and behind each a fork server that clones programs into namespaces."""

import itertools
import os
from collections.abc import Mapping, Sequence
from types import CodeType

from sandbox import languages
from sandbox.base import RunRequest
from sandbox.languages import Language, Toolchain
from sandbox.process import probe
from sandbox.process.lane import HostLane
from sandbox.process.zygote import Settings
from sandbox.runner import Runner
from sandbox.users import Claim

PRELOAD = (
    "abc", "bisect", "cmath", "collections", "contextlib", "copy", "dataclasses", "datetime", "decimal", "enum",
    "fractions", "functools", "heapq", "io", "itertools", "json", "math", "operator", "random", "re", "statistics",
    "string", "time", "traceback", "types", "typing",
)  # fmt: skip
"""Modules that programs use most: imported once by the fork server instead of by each run."""

USER_IDS = range(61_064, 63_000)
"""Whom runs belong to where we are root. Those before are containers'."""
_serial = itertools.count()


class ProcessSandbox(Runner):
    """Runs each program in fresh namespaces, cloned from a warm interpreter.

    parallel: runs at once, by default one for each core this process may use.
    preload: modules that the Python interpreter of every run has imported already.
    packages: packages of the caller's environment that programs may import.
    kept: modules of the caller's own, code by name, that are executed once too; a program that wants them puts
    `sys.modules["_sandbox_kept"].modules` into `sys.modules`. Others do not see them.
    Raises SandboxUnavailable when the machine does not allow the walls.
    """

    backend = "process"

    def __init__(
        self,
        *,
        parallel: int | None = None,
        preload: Sequence[str] = PRELOAD,
        packages: Sequence[str] = ("numpy",),
        kept: Mapping[str, CodeType] = {},
    ) -> None:
        probe.check_machine()
        self._folders = _folders()
        self._packages = probe.locate(packages)
        self._preload = tuple(preload)
        self._kept = tuple(kept.items())
        super().__init__(parallel)
        try:
            self.layers = self._prove_layers()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        super()._begin()
        self._claims: list[Claim] = []

    def _prove_layers(self) -> tuple[str, ...]:
        """The layers that a program finds in force when it looks from the inside, and the groups that hold it."""
        told = self.run(RunRequest("python", probe.LOOK_AROUND))
        seen = probe.layers_seen(told.stdout, told.stderr)
        (lane,) = self._lanes
        assert isinstance(lane, HostLane)
        return (*seen, *lane.layers)

    def _open_lane(self) -> HostLane:
        number = next(_serial)
        claim = Claim(USER_IDS, os.getpid() + number)
        self._claims.append(claim)
        settings = Settings(
            slot=f"{os.getpid()}-{number}",
            user_id=claim.user_id,
            folders=self._folders,
            packages=self._packages,
            preload=self._preload,
            kept=self._kept,
            contained=False,
        )
        return HostLane(settings)

    def toolchain(self, language: Language) -> Toolchain:
        return languages.toolchain(language)

    def close(self) -> None:
        super().close()
        for claim in self._claims:
            claim.release()


def _folders() -> tuple[str, ...]:
    """Folders of toolchains that lie outside the system's own."""
    chains = [languages.toolchain(language) for name, language in languages.LANGUAGES.items() if name != "python"]
    return tuple(dict.fromkeys(folder for chain in chains for folder in chain.folders))
