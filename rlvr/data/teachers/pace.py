"""How fast a teacher is asked: requests under way, requests and tokens a minute, and the pauses that it asks for.

Requests under way follow AIMD, as in TCP: one more each round trip while all goes well, half when the teacher is busy.
"""

import asyncio
from collections import deque
from contextlib import suppress

from rlvr.data.teachers.config import Limits

DECREASE = 0.5


class Pace:
    """Admits requests in the order in which they come."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.allowed = float(limits.concurrency)
        self.under_way = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._paused_until = 0.0
        self._fell_at = 0.0
        self._next_request, self._next_token = 0.0, 0.0
        self._hurried = asyncio.Event()

    async def enter(self, tokens: int) -> float:
        """Wait for a turn; returns when it began, for `leave`."""
        if self._waiting or self.under_way >= int(self.allowed):
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self.under_way -= 1
                    self._admit()
                raise
        else:
            self.under_way += 1
        try:
            await self._slot(tokens)
        except asyncio.CancelledError:
            self.leave(tokens, 0)
            raise
        return asyncio.get_running_loop().time()

    def leave(self, expected: int, used: int) -> None:
        """A request is over, one way or the other. The tokens that were counted for it may have been others."""
        if rate := self.limits.tokens_per_minute:
            self._next_token -= (expected - used) * 60 / rate
        self.under_way -= 1
        self._admit()

    def good(self) -> None:
        """The teacher kept up."""
        self.allowed = min(self.limits.concurrency, self.allowed + 1 / self.allowed)
        self._admit()

    def busy(self, began: float) -> None:
        """It did not. Requests that were under way together say it once."""
        if began >= self._fell_at:
            self.allowed = max(1.0, self.allowed * DECREASE)
            self._fell_at = asyncio.get_running_loop().time()

    def pause(self, seconds: float) -> None:
        """Nothing goes out before so many seconds from now."""
        self._paused_until = max(self._paused_until, asyncio.get_running_loop().time() + seconds)

    def hurry(self) -> None:
        """From now on nobody waits for a rate or a pause."""
        self._hurried.set()

    async def _slot(self, tokens: int) -> None:
        """Wait until the rates and the teacher's own pauses allow one more."""
        clock = asyncio.get_running_loop().time
        at = max(now := clock(), self._next_request, self._next_token)
        if rate := self.limits.requests_per_minute:
            self._next_request = max(now, self._next_request) + 60 / rate
        if rate := self.limits.tokens_per_minute:
            self._next_token = max(now, self._next_token) + tokens * 60 / rate
        while (until := max(at, self._paused_until)) > clock() and not self._hurried.is_set():
            with suppress(TimeoutError):  # a pause may be called while others wait
                async with asyncio.timeout_at(until):
                    await self._hurried.wait()

    def _admit(self) -> None:
        while self._waiting and self.under_way < int(self.allowed):
            turn = self._waiting.popleft()
            if not turn.done():
                self.under_way += 1
                turn.set_result(None)
