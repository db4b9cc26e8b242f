"""Fair turns: within one owner first come, first served; between owners one after the other.

Whoever asks for a thousand things at once gets them as fast as the machine goes while nobody else asks, and every
other one as soon as somebody does.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar


class Owned(Protocol):
    @property
    def owner(self) -> str: ...


T = TypeVar("T", bound=Owned)


class FairQueue(asyncio.Queue[T]):
    """A queue whose items have an `owner`. It fills in what `asyncio.Queue` leaves to subclasses."""

    def _init(self, maxsize: int) -> None:
        self._lines: OrderedDict[str, deque[T]] = OrderedDict()
        self._size = 0

    def _put(self, item: T) -> None:
        self._lines.setdefault(item.owner, deque()).append(item)
        self._size += 1

    def _get(self) -> T:
        owner, line = self._lines.popitem(last=False)
        item = line.popleft()
        if line:
            self._lines[owner] = line  # to the end: the others come first
        self._size -= 1
        return item

    def qsize(self) -> int:
        return self._size

    def empty(self) -> bool:
        return not self._size


class Turns:
    """A bound on how much is under way at once. Those who wait come in turn by owner."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._lines: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def place(self, owner: str) -> AsyncIterator[None]:
        await self._enter(owner)
        try:
            yield
        finally:
            self._free += 1
            self._call_next()

    async def _enter(self, owner: str) -> None:
        if self._free:  # then nobody waits
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines.setdefault(owner, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was ours already when we were called off
                self._free += 1
                self._call_next()
            raise

    def _call_next(self) -> None:
        while self._free and self._lines:
            owner, line = self._lines.popitem(last=False)
            turn = line.popleft()
            if line:
                self._lines[owner] = line
            if not turn.done():
                self._free -= 1
                turn.set_result(None)
