"""Any endpoint that speaks the OpenAI API, asked over HTTP: what is an answer, what is a failure, and whose.

One attempt a call; `caller.py` decides about the next. With aiohttp, since httpx spends ten times as long on a request
when many are under way. Streaming is left out: a record needs the whole answer.
"""

import json
import math
import os
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import aiohttp

from rlvr.data.request import Reply, Request, Usage
from rlvr.data.teachers.base import Again
from rlvr.data.teachers.config import OpenAITeacher
from rlvr.data.teachers.ledger import PER_MESSAGE
from rlvr.errors import UserError

BUSY = {429, 503, 529}
TRY_AGAIN = {408, 409, 425, 429}
BAD_REQUEST = {400, 413, 422}
SUSPICIOUS = 5
"""So many requests refused as bad, and none answered: it is our set-up, not the requests."""
SHOWN = 200


class Answer(NamedTuple):
    """What came back over HTTP."""

    status: int
    retry_after: str
    body: bytes


class OpenAI:
    """Satisfies `Teacher`."""

    def __init__(self, config: OpenAITeacher) -> None:
        self.config = config
        self.refused, self.answered = 0, 0
        self._headers = {"Authorization": f"Bearer {_key(config.key_env)}"} if config.key_env else {}
        self._http: aiohttp.ClientSession | None = None

    async def ask(self, request: Request, seed: int) -> Reply:
        path, body = self._body(request, seed)
        http = self._http = self._http or self._opened()
        try:
            async with http.post(f"{self.config.url.rstrip('/')}/{path}", json=body) as response:
                answer = Answer(response.status, response.headers.get("Retry-After", ""), await response.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Again(f"no connection to {self.config.url} ({error})", busy=True) from None
        except aiohttp.InvalidURL:
            raise UserError(f"teacher url: expected http://HOST/v1, got {self.config.url!r}") from None
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Again(f"the connection broke ({type(error).__name__})", lost=True) from None
        if answer.status >= 400:
            return self._failed(answer)
        reply = _reply(request, answer)
        self.answered += 1
        return reply

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

    def _opened(self) -> aiohttp.ClientSession:
        """Belongs to the event loop in which the first request is made."""
        # The caller sets the deadline of the whole attempt; a connection must come about sooner.
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=min(30.0, self.config.limits.timeout_s))
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self.config.limits.concurrency),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
            timeout=timeout,
        )

    def _body(self, request: Request, seed: int) -> tuple[str, dict[str, Any]]:
        """Path and body. Raises UserError for what the endpoint is said not to know."""
        body = {"model": self.config.model, **request.body(), **self.config.extra}
        if unknown := [feature for feature in self.config.without if feature in body]:
            raise UserError(
                f"teacher {self.config.model}: the recipe needs {unknown[0]}, which `without` says is not there"
            )
        if "seed" not in self.config.without:
            body["seed"] = seed
        if "prompt" in body and self.config.completions == "native":
            if "completions" in self.config.without:
                raise UserError(f'teacher {self.config.model}: the recipe continues texts; write completions = "chat"')
            return "completions", body
        if "prompt" in body:
            body["messages"] = [{"role": "user", "content": body.pop("prompt")}]
        body[self.config.max_tokens_name] = body.pop("max_tokens")
        return "chat/completions", body

    def _failed(self, answer: Answer) -> Reply:
        """A refusal is a reply; anything else is raised: Again, or UserError when no request would fare better."""
        status, said = answer.status, _said(answer)
        if status in TRY_AGAIN or status >= 500:
            raise Again(f"HTTP {status}{said}", after_s=_retry_after(answer.retry_after), busy=status in BUSY)
        if status not in BAD_REQUEST:
            raise UserError(f"teacher {self.config.model}: {self.config.url} answers HTTP {status}{said}")
        self.refused += 1
        if self.refused >= SUSPICIOUS and not self.answered:
            raise UserError(f"teacher {self.config.model}: {self.refused} requests refused and none answered{said}")
        return Reply(said.removeprefix(": "), "refused", model=self.config.model)


def _key(variable: str) -> str:
    if variable not in os.environ:
        raise UserError(f"teacher key_env: expected the environment variable {variable}, which is not set")
    return os.environ[variable]


def _reply(request: Request, answer: Answer) -> Reply:
    """Raises Again for a body that is not what it should be: the work was done, and its answer is lost."""
    try:
        body = json.loads(answer.body)
        choice = body["choices"][0]
        text = choice["text"] if request.messages is None and "text" in choice else choice["message"]["content"]
        reason = choice.get("finish_reason") or "stop"
        model = body.get("model") or ""
        if not isinstance(text, str | None) or not isinstance(reason, str) or not isinstance(model, str):
            raise TypeError
        # A cut surrogate pair cannot be written as UTF-8.
        text = (text or "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return Reply(text, reason, _usage(request, text, body.get("usage")), model)
    except (json.JSONDecodeError, UnicodeDecodeError, LookupError, TypeError, AttributeError):
        raise Again(f"HTTP {answer.status} with an unreadable body", lost=True) from None


def _usage(request: Request, text: str, said: Any) -> Usage:
    """As the server says, if that can be; else an estimate of four bytes to a token."""
    if isinstance(said, dict):
        details = said.get("prompt_tokens_details")
        cached = details.get("cached_tokens") if isinstance(details, dict) else 0
        counts: list[Any] = [said.get("prompt_tokens"), said.get("completion_tokens") or 0, cached or 0]
        if all(type(count) is int and count >= 0 for count in counts) and counts[2] <= counts[0]:
            return Usage(*counts)
    read = len(json.dumps(request.body(), ensure_ascii=False).encode(errors="replace"))
    return Usage(math.ceil(read / 4) + PER_MESSAGE, math.ceil(len(text.encode()) / 4), estimated=True)


def _said(answer: Answer) -> str:
    text = " ".join(answer.body.decode(errors="replace").split())
    return f": {text[:SHOWN]}" if text else ""


def _retry_after(value: str) -> float | None:
    """Seconds, or a date (RFC 9110, section 10.2.3)."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
