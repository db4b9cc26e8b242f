"""Who may look. Without keys the pages answer to loopback names only; with keys a reader gives one as a password.

A browser asks for it by itself (HTTP Basic, any user name); scripts may send `Authorization: Bearer KEY`. A form that
another site sends is refused, and every answer tells the browser to load nothing from anywhere else. Pure ASGI.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Styles may be inline, since plotly.js sets them; scripts may not."""
ASK = {"WWW-Authenticate": 'Basic realm="rlvr view: the key is the password", charset="UTF-8"'}


class Access:
    """ASGI middleware. `hosts`: the names that are answered without keys."""

    def __init__(self, app: ASGIApp, keys: Collection[str], hosts: Collection[str]) -> None:
        self._app = app
        self._digests = [hashlib.sha256(key.encode()).digest() for key in keys]
        self._hosts = set(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                more = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message["headers"], *more]
            await send(message)

        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope["method"], headers)
        await (refusal or self._app)(scope, receive, guarded)

    def _refusal(self, method: str, headers: dict[str, str]) -> PlainTextResponse | None:
        host = headers.get("host", "")
        if self._digests:
            if not self._knows(headers.get("authorization", "")):
                return PlainTextResponse("send a key: as the password, or as `Authorization: Bearer KEY`\n", 401, ASK)
        elif _split(f"//{host}").hostname not in self._hosts:  # a site that had its own name point to this machine
            return PlainTextResponse(f"host {host!r} is not this machine, and there are no keys\n", 403)
        if method not in ("GET", "HEAD") and not _same_site(host, headers):
            return PlainTextResponse("this form was sent by another site\n", 403)
        return None

    def _knows(self, authorization: str) -> bool:
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() == "basic":
            try:
                given = base64.b64decode(given, validate=True).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                return False
        elif scheme.lower() != "bearer":
            return False
        digest = hashlib.sha256(given.strip().encode()).digest()
        return sum(hmac.compare_digest(digest, known) for known in self._digests) > 0  # all of them: constant time


def _split(address: str) -> SplitResult:
    """What is no address names nobody."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def _same_site(host: str, headers: dict[str, str]) -> bool:
    """Browsers say where a form came from; what says nothing is no browser and carries no reader's password."""
    if "sec-fetch-site" in headers:
        return headers["sec-fetch-site"] in ("same-origin", "none")
    return "origin" not in headers or _split(headers["origin"]).netloc == host
