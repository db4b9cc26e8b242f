"""Containers made ahead of need. Starting one takes a third of a second, using one a few milliseconds."""

import contextlib
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from sandbox.docker.container import START_S, Container
from sandbox.docker.engine import EngineError
from sandbox.lane import LaneLostError


class Shape(NamedTuple):
    """What a container is made for. Bytes; it cannot be changed afterwards."""

    memory: int
    processes: int
    disk: int


class Pool:
    """Fresh containers, each given away once. Thread-safe."""

    def __init__(self, make: Callable[[Shape], Container], spares: int, usual: Shape) -> None:
        """spares: containers to keep ready of the shapes that are in use; usual: the one that will be."""
        self._make = make
        self._most = spares
        self._guard = threading.Lock()
        self._spares: OrderedDict[Shape, deque[Future[Container]]] = OrderedDict()
        self._asked = {usual}
        self._closed = False
        self._makers = ThreadPoolExecutor(spares, thread_name_prefix="containers")
        self._removers = ThreadPoolExecutor(spares, thread_name_prefix="removals")

    def take(self, shape: Shape) -> Container:
        """Raises LaneLostError when none can be had."""
        while True:
            future = self._next(shape)
            try:
                container = future.result(START_S)
            except (EngineError, TimeoutError) as error:
                raise LaneLostError(f"no container could be started: {error}") from error
            except BaseException:  # an interrupt
                self._discard(future)
                raise
            if container.is_well():
                return container
            self.give_back(container)

    def _next(self, shape: Shape) -> Future[Container]:
        with self._guard:
            if self._closed:
                raise LaneLostError("the sandbox was closed")
            ready = self._spares.setdefault(shape, deque())
            self._spares.move_to_end(shape)
            future = ready.popleft() if ready else self._makers.submit(self._make, shape)
            if shape in self._asked:  # what is asked for once only, like a compiler's, is not kept
                while len(ready) < self._most:
                    ready.append(self._makers.submit(self._make, shape))
            self._asked.add(shape)
            self._thin_out()
            return future

    def _thin_out(self) -> None:
        """Keep spares of the two shapes that were asked for last."""
        while len(self._spares) > 2:
            _, unused = self._spares.popitem(last=False)
            for future in unused:
                self._discard(future)

    def _discard(self, future: Future[Container]) -> None:
        if not future.cancel():
            self._removers.submit(_close_made, future)

    def give_back(self, container: Container) -> None:
        """It has been used."""
        self._removers.submit(container.close)

    def close(self) -> None:
        """Remove all spares, and wait until what was used is gone too."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
            for ready in self._spares.values():
                for future in ready:
                    self._discard(future)
            self._spares.clear()
        self._makers.shutdown(wait=True)
        self._removers.shutdown(wait=True)


def _close_made(future: Future[Container]) -> None:
    with contextlib.suppress(EngineError, LaneLostError, TimeoutError):  # it was never made
        future.result(START_S).close()
