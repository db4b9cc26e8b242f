"""The service's front door, before any parsing: who asks, and how much they send.

Pure ASGI. A body is read whole, under a limit and a deadline, before a route sees it, so that a slow or huge sender
costs one bounded buffer and no worker. The queue behind the door is in `admission.py`.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
from collections.abc import Collection, Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from verifiers.admission import BUSY_S, Limits
from verifiers.keys import Key
from verifiers.metrics import Metrics
from verifiers.problems import Problem

OPEN_PATHS = {"/healthz", "/readyz"}


class Gate:
    """ASGI middleware: keys, hosts, body limits. Tells the routes the key's name as `scope["rlvr.key"]`.

    `busy`: the status that the client of a path needs for "too much just now"; 429 where none is given.
    """

    def __init__(
        self,
        app: ASGIApp,
        keys: Collection[Key],
        hosts: Collection[str],
        limits: Limits,
        metrics: Metrics,
        busy: Mapping[str, int] = {},
    ) -> None:
        self._app = app
        self._keys = [(key.digest, key.name) for key in keys]
        self._hosts = set(hosts)
        self._limits = limits
        self._metrics = metrics
        self._busy = busy
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
        if not self._keys or scope["path"] in OPEN_PATHS:
            return ""
        given = hashlib.sha256(_secret(headers)).digest()
        known = [name for digest, name in self._keys if hmac.compare_digest(digest, given)]  # all: constant time
        if not known:
            challenge = {"WWW-Authenticate": "Bearer"}
            raise Problem(401, "send a valid key: `Authorization: Bearer KEY`", "unauthorized", headers=challenge)
        return known[0]

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
                        status = self._busy.get(scope["path"], 429)
                        raise Problem(status, "too many bytes are under way; try again", "queue-full", headers=BUSY_S)
                    if not message.get("more_body"):
                        return True
        except TimeoutError:
            raise Problem(408, f"the body did not arrive within {self._limits.body_s:g} s") from None


def _secret(headers: Mapping[bytes, bytes]) -> bytes:
    """The key that came along: as a bearer token, as the password in the URL, or in Judge0's own header.

    Clients that can be told nothing but a URL send `http://any:KEY@host/...` as basic authentication.
    """
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() == b"bearer":
        return token.strip()
    if scheme.lower() == b"basic":
        try:
            return base64.b64decode(token, validate=True).partition(b":")[2]
        except binascii.Error:
            return b""
    return headers.get(b"x-auth-token", b"")


def _replay(body: bytes, receive: Receive) -> Receive:
    """First the body that was read, then what comes after it: the end of the connection."""
    left = [body]

    async def again() -> Message:
        return {"type": "http.request", "body": left.pop(), "more_body": False} if left else await receive()

    return again
