"""Partners in other processes, which may die: every call has a deadline, and who is lost is started anew.

A heartbeat runs beside the calls, so that a process that hangs is found while it is waited for. Whoever waited is told
`Lost`, by name and with the reason, and decides what to do about the work; the next process is brought up meanwhile.
Nothing here knows of Ray: `rlvr/actors.py` brings the processes.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, NoReturn, Protocol

from rlvr.config import Faults
from rlvr.errors import WorkFailed

log = logging.getLogger(__name__)


class Lost(Exception):
    """A process died, or did not answer in time. The message is the reason, in a few words."""


class Gone(Exception):
    """What a call was to be given is lost. The process itself is well."""


class Process(Protocol):
    """One process, wherever it runs. Its methods raise Lost when it is gone, WorkFailed when it could not even come up,
    else what the process raised."""

    async def call(self, method: str, *args: Any) -> Any: ...

    async def refer(self, method: str, *args: Any) -> tuple[Any, Any]:
        """Of a pair, the first as it is, and a reference to the second, which stays where it is."""
        ...

    def stream(self, method: str, *args: Any) -> AsyncIterator[Any]: ...
    def kill(self) -> None: ...


Call = Callable[..., Awaitable[Any]]
"""`call(method, *args)`, within the deadline of a call."""


async def _nothing(call: Call) -> None:
    pass


class Member:
    """A place that one process after another fills: the first engine, the second grader.

    `greet` is done with each new process before it serves. A process answers `ping`, also while it is busy. Make it in
    a running event loop; the first process is started at once.
    """

    def __init__(
        self,
        name: str,
        start: Callable[[], Process],
        faults: Faults,
        greet: Callable[[Call], Awaitable[None]] = _nothing,
    ) -> None:
        self.name, self.faults = name, faults
        self.calls = 0
        """Answers waited for just now."""
        self.losses = 0
        """Processes lost so far."""
        self._start, self._greet = start, greet
        self._process: Process | None = None
        self._up, self._down = asyncio.Event(), asyncio.Event()
        self._reason = ""
        self._in_a_row = 0
        self._served = False
        self._life = asyncio.create_task(self._live())

    @property
    def serves(self) -> bool:
        return self._up.is_set()

    async def ready(self) -> None:
        """Until a process serves. Raises WorkFailed when the place cannot be filled."""
        up = asyncio.create_task(self._up.wait())
        try:
            await asyncio.wait({up, self._life}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            up.cancel()
        self.check()

    def check(self) -> None:
        """Raises WorkFailed when the place cannot be filled any more."""
        if self._life.done():
            self._life.result()

    async def call(self, method: str, *args: Any) -> Any:
        """One answer. Raises Lost when it does not come; another process is then on its way."""
        return await self._answer(method, lambda process: process.call(method, *args))

    async def persist(self, method: str, *args: Any) -> Any:
        """`call`, repeated until a process answers."""
        while True:
            try:
                return await self.call(method, *args)
            except Lost:
                continue

    async def refer(self, method: str, *args: Any) -> tuple[Any, Any]:
        """One answer as `Process.refer` gives it."""
        pair: tuple[Any, Any] = await self._answer(method, lambda process: process.refer(method, *args))
        return pair

    async def _answer(self, method: str, ask: Callable[[Process], Awaitable[Any]]) -> Any:
        self.calls += 1  # before anybody else looks for who has least to do
        try:
            await self.ready()
            process = self._process
            assert process is not None
            try:
                async with asyncio.timeout(self.faults.call_s):
                    return await ask(process)
            except (Lost, TimeoutError) as error:
                self._give_up(process, method, error)
        finally:
            self.calls -= 1

    async def _within(self, process: Process, method: str, *args: Any) -> Any:
        try:
            async with asyncio.timeout(self.faults.call_s):
                return await process.call(method, *args)
        except TimeoutError:
            raise Lost(f"{method} took longer than {self.faults.call_s:g} s") from None

    async def stream(self, method: str, *args: Any) -> AsyncIterator[Any]:
        """Many answers; the deadline is on each. Raises Lost as `call` does."""
        await self.ready()
        process = self._process
        assert process is not None
        answers = aiter(process.stream(method, *args))
        self.calls += 1
        try:
            while True:
                async with asyncio.timeout(self.faults.call_s):
                    answer = await anext(answers)
                yield answer
        except StopAsyncIteration:
            return
        except (Lost, TimeoutError) as error:
            self._give_up(process, method, error)
        finally:
            self.calls -= 1

    def worked(self) -> None:
        """The process has done a piece of work: its losses are counted from here."""
        self._in_a_row = 0

    def drop(self, reason: str) -> None:
        """Give up the process that serves, if one does; another is started."""
        if self._up.is_set():
            self._reason = reason
            self._up.clear()
            self._down.set()

    async def close(self) -> None:
        self._life.cancel()
        await asyncio.gather(self._life, return_exceptions=True)

    def _give_up(self, process: Process, method: str, error: Lost | TimeoutError) -> NoReturn:
        reason = str(error) if isinstance(error, Lost) else f"no answer within {self.faults.call_s:g} s"
        if process is self._process:
            self.drop(reason)
        raise Lost(f"the loop waited for {self.name} ({method}): {reason}") from error

    async def _live(self) -> None:
        """Start, greet and watch one process after another."""
        lost = time.monotonic()
        while True:
            self._process = process = self._start()
            self._down.clear()
            try:
                async with asyncio.timeout(self.faults.start_s):
                    await process.call("ping")
                await self._greet(partial(self._within, process))
                if self.losses:
                    log.warning("%s serves again after %.1f s", self.name, time.monotonic() - lost)
                self._served = True
                self._up.set()
                try:
                    await self._watch(process)
                finally:
                    lost = time.monotonic()
            except (Lost, TimeoutError) as error:
                self._reason = str(error) or f"not up within {self.faults.start_s:g} s"
            except WorkFailed as error:
                if not self._served:
                    raise  # it would fail again
                self._reason = str(error)
            finally:
                self._up.clear()
                self._down.set()
                process.kill()
            self._count()

    async def _watch(self, process: Process) -> None:
        """Return once the process is given up by a caller; raise Lost when its heart does not beat."""
        every = self.faults.heartbeat_s / 3
        while not self._down.is_set():
            try:
                async with asyncio.timeout(self.faults.heartbeat_s):
                    await process.call("ping")
            except TimeoutError:
                raise Lost(f"no heartbeat for {self.faults.heartbeat_s:g} s") from None
            try:
                async with asyncio.timeout(every):
                    await self._down.wait()
            except TimeoutError:
                continue

    def _count(self) -> None:
        self.losses += 1
        self._in_a_row += 1
        if self._in_a_row > self.faults.restarts:
            raise WorkFailed(
                f"{self.name} was lost {self._in_a_row} times in a row without any work done (faults.restarts = "
                f"{self.faults.restarts}), last: {self._reason}"
            )
        log.warning("%s was lost (%s); starting another", self.name, self._reason)
