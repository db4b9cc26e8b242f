"""One container from its creation to its removal, and the supervisor in it that carries out jobs."""

import contextlib
import json
import threading
import time
from pathlib import Path

from sandbox.docker import frames
from sandbox.docker.engine import Engine, EngineError, Spec
from sandbox.lane import Job, LaneLostError, Report
from sandbox.users import Claim

START_S = 60.0
_GRACE_S = 20.0
"""How long past a run's deadline a report may take: clean-up, and bringing files back."""
_SOURCES = Path(__file__).parents[1]
_BOOT = """
import sys, os, json
mode, size, *preload = sys.argv[1:]
for name in preload: __import__(name)
folder, text = "/run/rlvr", b""
while len(text) < int(size): text += os.read(0, int(size) - len(text))
for name, source in json.loads(text).items():
    os.makedirs(os.path.dirname(f"{folder}/{name}"), exist_ok=True)
    with open(f"{folder}/{name}", "w") as file: file.write(source)
sys.path.insert(0, folder)
from sandbox.docker.supervisor import main
main(mode, folder, tuple(preload))
"""


def sources() -> bytes:
    """All that may run inside: this package."""
    names = [path.relative_to(_SOURCES.parent) for path in sorted(_SOURCES.rglob("*.py"))]
    return json.dumps({str(name): (_SOURCES.parent / name).read_text() for name in names}).encode()


def command(mode: str, size: int, preload: tuple[str, ...]) -> tuple[str, ...]:
    """What a container starts. `size` bytes of sources follow on its standard input."""
    return ("python3", "-I", "-S", "-c", _BOOT, mode, str(size), *preload)


class Container:
    """A started container. Raises EngineError when there cannot be one, LaneLostError when it does not come up."""

    def __init__(self, engine: Engine, spec: Spec, code: bytes, claim: Claim) -> None:
        """code: the supervisor's, from `sources`; claim: on the user id of `spec`, let go of with the container."""
        self._engine = engine
        self._memory = spec.memory
        self._closing = threading.Lock()
        self._closed = False
        self.has_failed = False
        """Whether a run had no report: then it is of no use any more."""
        with contextlib.ExitStack() as undo:
            undo.callback(claim.release)
            self._id = engine.create(spec)
            undo.callback(engine.remove, self._id)
            self._stream = engine.attach(self._id)
            undo.callback(self._stream.close)
            engine.start(self._id)
            self._stream.deadline = time.monotonic() + START_S
            self.greeting = self._greet(code)
            self._undo = undo.pop_all()

    def _greet(self, code: bytes) -> bytes:
        """Send the sources and wait until the supervisor is ready: what it says then."""
        try:
            self._stream.write(code)
            kind, size = frames.HEAD.unpack(self._stream.read(frames.HEAD.size))
            return self._stream.read(min(size, frames.MOST)) if kind == frames.READY else b""
        except OSError as error:
            raise LaneLostError(f"a container did not come up: {self._last_words() or error}") from error

    def _last_words(self) -> str:
        return self._stream.errors.decode(errors="replace").strip().rpartition("\n")[2]

    def is_well(self) -> bool:
        """Whether it waits for a job, as far as one can see from here."""
        return self._stream.is_quiet()

    def run(self, job: Job, stdin: bytes) -> Report:
        """Carry out one job. Raises LaneLostError when the container or the engine fails it."""
        start = time.monotonic()
        self._stream.deadline = start + job.wall_s + _GRACE_S
        try:
            for part in frames.job_parts(job, stdin):
                self._stream.write(part)
            return frames.read_report(self._stream.read, job)
        except OSError as error:
            return self._account_for(error, job, time.monotonic() - start)

    def _account_for(self, error: OSError, job: Job, wall_s: float) -> Report:
        """No report came. Out of memory is the program's doing, all else is not."""
        self.has_failed = True
        try:
            if not self._closed and self._engine.ended_for_memory(self._id):
                return Report("", "memory", None, b"", b"", False, wall_s, 0.0, job.memory, {})
        except EngineError as refused:
            raise LaneLostError(f"the container was lost: {refused}") from error
        raise LaneLostError(f"the container was lost: {self._last_words() or error}") from error

    def allow_memory(self, memory: int) -> None:
        if memory != self._memory:
            self._engine.limit_memory(self._id, memory)
            self._memory = memory

    def give_up(self) -> None:
        """Fail the run that is on. From any thread."""
        self._closed = True
        self._stream.shut()

    def close(self) -> None:
        """Remove it, and all that is in it. Only when no run is on."""
        with self._closing:
            self._closed = True
            self._undo.close()
