"""Other people's HTTP services, asked by `remote` and `judge`: where they are, who may be asked, and how often.

Where a service is, the task says (`url`) or the environment does. Under RLVR_REMOTE_ALLOW only the origins that it
lists are asked, which is how `rlvr serve` keeps its clients from sending it around the network; a key goes to the
environment's own service and to listed origins only. Failures of a service are VerifierErrors, so that they end as
`error` and never as a score.
"""

import asyncio
import json
import os
import ssl
from functools import cache
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, Field, model_validator

from verifiers.base import VerifierError

ALLOW = "RLVR_REMOTE_ALLOW"
"""Origins that may be asked, separated by spaces, such as `https://judge.example:8443`; unset: any."""
LONGEST_PAUSE_S = 10.0
MOST_BYTES = 1 << 20
"""Of a reply; verdicts are short."""
RETRIED = {408, 425, 429, 500, 502, 503, 504}


class EndpointParams(BaseModel):
    """How a service is reached."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(default="", validate_default=True)
    """Where to ask; without it, what the environment says."""
    timeout_s: float = Field(default=30.0, gt=0.0, le=600.0)
    """Seconds for one request."""
    retries: int = Field(default=4, ge=0, le=20)
    """Further requests after one that failed in a way that may pass: 429, 5xx, no connection, no answer in time."""

    @classmethod
    def variable(cls) -> str:
        """`RLVR_REMOTE`: the prefix of the environment variables `..._URL` and `..._KEY`."""
        raise NotImplementedError

    @model_validator(mode="before")
    @classmethod
    def _from_environment(cls, value: Any) -> Any:
        if isinstance(value, dict) and not value.get("url"):
            return {**value, "url": os.environ.get(f"{cls.variable()}_URL", "")}
        return value

    @model_validator(mode="after")
    def _may_be_asked(self) -> Self:
        if not self.url:
            raise ValueError(f"no service to ask: give params url, or set {self.variable()}_URL")
        if urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).hostname:
            raise ValueError(f"url must begin with http:// or https://, got {self.url[:80]!r}")
        allowed = _allowed()
        if allowed is not None and not self._own and origin(self.url) not in allowed:
            raise ValueError(f"{origin(self.url)} may not be asked from here; {ALLOW} lists who may")
        return self

    @property
    def _own(self) -> bool:
        return origin(self.url) == origin(os.environ.get(f"{self.variable()}_URL", ""))

    def headers(self) -> dict[str, str]:
        key = os.environ.get(f"{self.variable()}_KEY")
        known = self._own or origin(self.url) in (_allowed() or ())
        return {"Authorization": f"Bearer {key}"} if key and known else {}


def origin(url: str) -> str:
    """Scheme, host and port: `https://judge.example:8443`."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    return f"{parts.scheme}://{(parts.hostname or '').lower()}:{port}"


def _allowed() -> set[str] | None:
    listed = os.environ.get(ALLOW)
    return None if listed is None else {origin(url) for url in listed.split()}


async def ask(params: EndpointParams, url: str, body: dict[str, Any]) -> Any:
    """The JSON that the service answers with. Raises VerifierError when there is none after all retries."""
    fault = ""
    # Proxies and .netrc of the machine are not for requests that may carry a key.
    async with httpx.AsyncClient(verify=_tls(), timeout=params.timeout_s, trust_env=False) as http:
        for attempt in range(params.retries + 1):
            try:
                async with (
                    asyncio.timeout(params.timeout_s),
                    http.stream("POST", url, json=body, headers=params.headers()) as response,
                ):
                    content = await _read(response)
            except (httpx.TransportError, TimeoutError) as error:
                fault = f"{type(error).__name__}: {error}".rstrip(": ")
                await asyncio.sleep(_pause_s("", attempt) if attempt < params.retries else 0)
                continue
            if response.is_success:
                return _json(content, url)
            fault = f"status {response.status_code}: {content[:120].decode(errors='replace')!r}"
            if response.status_code not in RETRIED:
                break
            await asyncio.sleep(
                _pause_s(response.headers.get("retry-after", ""), attempt) if attempt < params.retries else 0
            )
    raise VerifierError(f"{origin(url)} gave no answer: {fault}")


@cache
def _tls() -> ssl.SSLContext:
    """Read the root certificates once: it takes longer than most requests."""
    return httpx.create_ssl_context()


async def _read(response: httpx.Response) -> bytes:
    content = b""
    async for part in response.aiter_bytes():
        content += part
        if len(content) > MOST_BYTES:
            raise VerifierError(f"{origin(str(response.url))} answered with more than {MOST_BYTES} bytes")
    return content


def _json(content: bytes, url: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise VerifierError(f"{origin(url)} answered with something that is not JSON: {content[:80]!r}") from None


def _pause_s(asked: str, attempt: int) -> float:
    """What the service asked for, else ever more."""
    seconds = float(asked) if asked.isdecimal() else 0.25 * 2.0**attempt
    return min(seconds, LONGEST_PAUSE_S)
