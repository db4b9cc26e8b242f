"""The service's front door, before any parsing: who asks, how much they send, and whether there is room for it.

Pure ASGI. A body is read whole, under a limit and a deadline, before a route sees it, so that a slow or huge sender
costs one bounded buffer and no worker.
"""

import asyncio
import hashlib
import hmac
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from verifiers.metrics import Metrics
from verifiers.problems import Problem

OPEN_PATHS = {"/healthz", "/readyz"}
BUSY_S = {"Retry-After": "1"}


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
    """Items under way; more are refused with 429."""
    answer_s: float = 600.0
    """The longest that a request may take; what is not judged by then is an `error`."""


@dataclass
class Queue:
    """Counts the items under way, and keeps one key from taking all the room."""

    limits: Limits
    keys: int
    """How many keys there are; with several, none may hold more than half of the queue."""
    admitted: int = 0
    _held: Counter[str] = field(default_factory=Counter)

    @property
    def full(self) -> bool:
        return self.admitted >= self.limits.queue

    def enter(self, key: str, items: int) -> None:
        """Raises Problem 413 for a request that is too large at any time, 429 for one that is too large just now."""
        if items > self.limits.items:
            raise Problem(413, f"{items} items in one request; send at most {self.limits.items}", "too-many-items")
        share = self.limits.queue // 2 if self.keys > 1 else self.limits.queue
        if self.admitted + items > self.limits.queue or self._held[key] + items > max(share, self.limits.items):
            raise Problem(429, f"the queue is full ({self.admitted} items); try again", "queue-full", headers=BUSY_S)
        self.admitted += items
        self._held[key] += items

    def leave(self, key: str, items: int) -> None:
        self.admitted -= items
        self._held[key] -= items

    @contextmanager
    def place(self, key: str, items: int) -> Iterator[None]:
        self.enter(key, items)
        try:
            yield
        finally:
            self.leave(key, items)


class Gate:
    """ASGI middleware: keys, hosts, body limits. Tells the routes the key as `scope["rlvr.key"]`."""

    def __init__(
        self, app: ASGIApp, keys: Collection[str], hosts: Collection[str], limits: Limits, metrics: Metrics
    ) -> None:
        self._app = app
        self._digests = [hashlib.sha256(key.encode()).digest() for key in keys]
        self._hosts = set(hosts)
        self._limits = limits
        self._metrics = metrics
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        parts: list[bytes] = []

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "none")
                self._metrics.count("rlvr_requests_total", route=route, status=str(message["status"]))
            await send(message)

        try:
            scope["rlvr.key"] = self._key(scope)
            if await self._read(scope, receive, parts):
                await self._app(scope, _replay(b"".join(parts), receive), counted)
        except Problem as problem:
            await problem.response(scope["path"])(scope, receive, counted)
        finally:
            self._held -= sum(map(len, parts))

    def _key(self, scope: Scope) -> str:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").rpartition("@")[2]
        name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        if self._hosts and name not in self._hosts:  # a web page that had its own name point to this machine
            raise Problem(403, f"host {host!r} is not this service; without keys it answers to loopback names only")
        if not self._digests or scope["path"] in OPEN_PATHS:
            return ""
        scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
        given = hashlib.sha256(token.strip()).digest()
        known = [digest for digest in self._digests if hmac.compare_digest(digest, given)]  # all of them: constant time
        if scheme.lower() != b"bearer" or not known:
            challenge = {"WWW-Authenticate": "Bearer"}
            raise Problem(401, "send a valid key: `Authorization: Bearer KEY`", "unauthorized", headers=challenge)
        return known[0].hex()

    async def _read(self, scope: Scope, receive: Receive, parts: list[bytes]) -> bool:
        """Collect the body in `parts`. False if the sender went away before its end."""
        announced = dict(scope["headers"]).get(b"content-length", b"").decode("latin-1")
        room = self._limits.body_bytes
        if announced.isdecimal() and int(announced) > room:
            raise Problem(413, f"{announced} bytes; send at most {room}", "body-too-large")
        try:
            async with asyncio.timeout(self._limits.body_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return False
                    part = message.get("body", b"")
                    parts.append(part)
                    self._held += len(part)
                    room -= len(part)
                    if room < 0:
                        raise Problem(413, f"send at most {self._limits.body_bytes} bytes", "body-too-large")
                    if self._held > self._limits.held_bytes:
                        raise Problem(429, "too many bytes are under way; try again", "queue-full", headers=BUSY_S)
                    if not message.get("more_body"):
                        return True
        except TimeoutError:
            raise Problem(408, f"the body did not arrive within {self._limits.body_s:g} s") from None


def _replay(body: bytes, receive: Receive) -> Receive:
    """First the body that was read, then what comes after it: the end of the connection."""
    left = [body]

    async def again() -> Message:
        return {"type": "http.request", "body": left.pop(), "more_body": False} if left else await receive()

    return again
