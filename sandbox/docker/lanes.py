"""Two ways to carry out a job on an engine: a container for it alone, or one that has served before and will again."""

import threading
from collections.abc import Callable

from sandbox.docker.container import Container
from sandbox.docker.engine import EngineError
from sandbox.docker.pool import Pool, Shape
from sandbox.lane import Job, LaneLostError, Report

_SUPERVISOR_BYTES = 192 << 20
"""What we ourselves need inside, and by how much a program may outgrow its limit until it is seen and killed whole: the
kernel, where the container's own limit is met, kills one process after the other, for seconds."""
_SUPERVISOR_PROCESSES = 2
"""The supervisor, and one that is just dying."""
_WALLED_BYTES = 320 << 20
_COPIES, _WALLED_COPIES = 2, 6
"""Of a file on its way back: as it comes, and put together; from behind walls in a message too, at both its ends."""
_WALLED_PROCESSES = 512
"""Of a container that runs the process backend. Each run's own limit is set inside."""
_WALLED_DISK = 4 << 20


def shape_for(memory: int, processes: int, disk: int) -> Shape:
    """The container for a run with these limits."""
    return Shape(memory + _SUPERVISOR_BYTES, processes + _SUPERVISOR_PROCESSES, disk)


def _room_for_files(job: Job, copies: int) -> int:
    """Bytes that files on their way back take inside, on top of what the program may use."""
    return copies * job.disk if job.fetch else 0


class OneShot:
    """A fresh container for each job."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._busy = threading.Lock()
        self._container: Container | None = None
        self._closed = False

    def run(self, job: Job, stdin: bytes) -> Report:
        shape = shape_for(job.memory + _room_for_files(job, _COPIES), job.processes, job.disk)
        with self._busy:
            container = self._container = self._pool.take(shape)
            try:
                if self._closed:
                    raise LaneLostError("the sandbox was closed")
                return container.run(job, stdin)
            finally:
                self._container = None
                self._pool.give_back(container)

    def close(self) -> None:
        self._closed = True
        if (container := self._container) is not None:
            container.give_up()
        with self._busy:  # until the run has noticed
            pass


class Walled:
    """One container for many jobs, each behind walls of its own. Replaced when it is lost."""

    def __init__(self, make: Callable[[Shape], Container]) -> None:
        self._make = make
        self._busy = threading.Lock()
        self._container: Container | None = None
        self._closed = False

    def run(self, job: Job, stdin: bytes) -> Report:
        with self._busy:
            try:
                if self._closed:
                    raise LaneLostError("the sandbox was closed")
                memory = job.memory + _WALLED_BYTES + _room_for_files(job, _WALLED_COPIES)
                if self._container is None:
                    self._container = self._make(Shape(memory, _WALLED_PROCESSES, _WALLED_DISK))
                self._container.allow_memory(memory)
                report = self._container.run(job, stdin)
                if self._container.has_failed:
                    self._let_go()
                return report
            except (EngineError, LaneLostError) as error:
                self._let_go()
                raise LaneLostError(str(error)) from error
            except BaseException:  # an interrupt: what is still to come is no answer to the next job
                self._let_go()
                raise

    def _let_go(self) -> None:
        container, self._container = self._container, None
        if container is not None:
            container.close()

    def close(self) -> None:
        self._closed = True
        if (container := self._container) is not None:
            container.give_up()
        with self._busy:
            self._let_go()
