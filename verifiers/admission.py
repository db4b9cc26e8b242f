"""How much the service takes on at once: a bound over all, a share for each key, and who comes next when it is full.

A native client is refused at the bound, since it knows how to come back. A client of somebody else's protocol waits
in line, since most of these make a reward of 0 out of a refusal.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from verifiers.keys import Key
from verifiers.problems import Problem

BUSY_S: Mapping[str, str] = {"Retry-After": "1"}


@dataclass(frozen=True)
class Limits:
    """What one service process takes on at once."""

    body_bytes: int = 64 << 20
    """Of one request."""
    held_bytes: int = 256 << 20
    """Of all requests that are under way."""
    body_s: float = 60.0
    """Seconds within which a body has to arrive."""
    items: int = 4096
    """Of one request."""
    queue: int = 16384
    """Items under way; more are refused with 429, or wait."""
    batches: int = 8
    """Long batches under way."""
    batch_items: int = 100_000
    """Of one long batch."""
    answer_s: float = 600.0
    """The longest that a request may take; what is not judged by then is an `error`."""


class Waiter(NamedTuple):
    key: str
    items: int
    entered: asyncio.Future[None]


class Queue:
    """Counts the items under way. With several keys none may hold more than half, or than its own limit."""

    def __init__(self, limits: Limits, keys: Collection[Key] = ()) -> None:
        self.admitted = 0
        self._limits = limits
        self._shares = {key.name: key.items for key in keys if key.items}
        self._share = max(limits.queue // 2, limits.items) if len({key.name for key in keys}) > 1 else limits.queue
        self._held: Counter[str] = Counter()
        self._line: list[Waiter] = []

    @property
    def full(self) -> bool:
        return self.admitted >= self._limits.queue

    @property
    def waiting(self) -> int:
        """Requests in line."""
        return len(self._line)

    def enter(self, key: str, items: int) -> None:
        """Raises Problem 413 for a request that is too large at any time, 429 for one that is too large just now."""
        self._check(key, items)
        if not self._fits(key, items):
            raise Problem(429, f"the queue is full ({self.admitted} items); try again", "queue-full", headers=BUSY_S)
        self._take(key, items)

    async def wait(self, key: str, items: int) -> None:
        """Enter as soon as there is room. Raises Problem 413 as `enter` does. Bound it from outside."""
        self._check(key, items)
        if not self._line and self._fits(key, items):
            self._take(key, items)
            return
        waiter = Waiter(key, items, asyncio.get_running_loop().create_future())
        self._line.append(waiter)
        self._call()  # the others in line may be held up by their keys only
        try:
            await waiter.entered
        except asyncio.CancelledError:
            if waiter.entered.cancelled():
                self._line.remove(waiter)
                self._call()
            else:  # it was in already when it was called off
                self.leave(key, items)
            raise

    def leave(self, key: str, items: int) -> None:
        self.admitted -= items
        self._held[key] -= items
        self._call()

    @contextmanager
    def place(self, key: str, items: int) -> Iterator[None]:
        self.enter(key, items)
        try:
            yield
        finally:
            self.leave(key, items)

    def most(self, key: str) -> int:
        """The most items that the key may send in one request."""
        return min(self._limits.items, self._most(key))

    def _most(self, key: str) -> int:
        return min(self._shares.get(key, self._share), self._limits.queue)

    def _check(self, key: str, items: int) -> None:
        if items > self.most(key):
            raise Problem(413, f"{items} items in one request; send at most {self.most(key)}", "too-many-items")

    def _fits(self, key: str, items: int) -> bool:
        return self.admitted + items <= self._limits.queue and self._held[key] + items <= self._most(key)

    def _take(self, key: str, items: int) -> None:
        self.admitted += items
        self._held[key] += items

    def _call(self) -> None:
        """Let in who can come in. One whose key has its share is passed over; one who needs more room is not."""
        for waiter in list(self._line):
            share = self._most(waiter.key)
            if waiter.entered.done() or share < min(self._held[waiter.key] + waiter.items, self._limits.queue):
                continue
            if self.admitted + waiter.items > self._limits.queue:
                return
            self._line.remove(waiter)
            self._take(waiter.key, waiter.items)
            waiter.entered.set_result(None)
