"""Ask a verifier service: `Client` for scripts and threads, `AsyncClient` for coroutines.

Only 429 and 503 are tried again, after what `Retry-After` says. `verify` raises ServiceError for any other failure;
`grade_many` can stand where a Grader's does, so there a failure is an `error` verdict. It never becomes a score.
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import httpx

from verifiers.base import Verdict
from verifiers.call import Item

BATCH = 256
"""Items in one request."""
AT_ONCE = 8
"""Requests of one `AsyncClient.grade_many` that are under way at the same time."""
RETRIED = {429, 503}
LONGEST_WAIT_S = 30.0
TIMEOUT = httpx.Timeout(660.0, connect=10.0)
"""A little longer than the service's own limit, so that its answer comes first."""


class ServiceError(Exception):
    """The service refused, failed or could not be reached. It says nothing of the responses."""

    def __init__(self, status: int | None, detail: str, type: str = "about:blank") -> None:
        super().__init__(f"{status}: {detail}" if status else detail)
        self.status, self.detail, self.type = status, detail, type


class Client:
    """Blocking; safe to share between threads. Close it, or use it in `with`."""

    def __init__(
        self, url: str, api_key: str | None = None, retries: int = 8, timeout: httpx.Timeout | float = TIMEOUT
    ) -> None:
        self._http = httpx.Client(**_connection(url, api_key, timeout))
        self._retries = retries

    def verify(self, name: str, response: str, reference: Any, **params: Any) -> Verdict:
        """Judge one response. Raises ServiceError: 404 for an unknown verifier, 422 for a bad reference."""
        body = _row(Item("", name, response, reference, params or None))
        return Verdict.model_validate_json(self._ask("POST", "/v1/verify", body).content)

    def grade(self, item: Item) -> Verdict:
        return self.grade_many([item])[0]

    def grade_many(self, items: Iterable[Item]) -> list[Verdict]:
        """One verdict an item, in the items' order; `error` for those that the service could not be asked about."""
        verdicts: list[Verdict] = []
        for batch in _batches(items):
            try:
                verdicts += _results(self._ask("POST", "/v1/verify", _body(batch)), batch)
            except ServiceError as error:
                verdicts += _failed(batch, error)
        return verdicts

    def completed(self, items: Iterable[Item]) -> Iterator[Verdict]:
        """Verdicts as they come, by one streamed request. The items' ids must differ. Raises ServiceError."""
        with self._http.stream("POST", "/v1/verify", json=_body(list(items)), headers=_STREAM) as response:
            if not response.is_success:
                response.read()
                raise _error(response)
            for line in response.iter_lines():
                yield Verdict.model_validate_json(line)

    def verifiers(self) -> list[dict[str, Any]]:
        """The verifiers that the service has."""
        return list(self._ask("GET", "/v1/verifiers").json())

    def _ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        for attempt in range(self._retries + 1):
            try:
                response = self._http.request(method, path, json=body)
            except httpx.TransportError as error:
                raise _unreachable(error) from error
            if response.is_success:
                return response
            if response.status_code not in RETRIED or attempt == self._retries:
                break
            time.sleep(_pause_s(response, attempt))
        raise _error(response)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient:
    """The same for coroutines; use it on one event loop."""

    def __init__(
        self, url: str, api_key: str | None = None, retries: int = 8, timeout: httpx.Timeout | float = TIMEOUT
    ) -> None:
        self._http = httpx.AsyncClient(**_connection(url, api_key, timeout))
        self._retries = retries
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def verify(self, name: str, response: str, reference: Any, **params: Any) -> Verdict:
        """As `Client.verify`."""
        body = _row(Item("", name, response, reference, params or None))
        return Verdict.model_validate_json((await self._ask("POST", "/v1/verify", body)).content)

    async def grade(self, item: Item) -> Verdict:
        return (await self.grade_many([item]))[0]

    async def grade_many(self, items: Iterable[Item]) -> list[Verdict]:
        """As `Client.grade_many`, several requests at a time."""
        parts = await asyncio.gather(*(self._grade_batch(batch) for batch in _batches(items)))
        return [verdict for part in parts for verdict in part]

    async def _grade_batch(self, batch: list[Item]) -> list[Verdict]:
        try:
            async with self._turns:
                return _results(await self._ask("POST", "/v1/verify", _body(batch)), batch)
        except ServiceError as error:
            return _failed(batch, error)

    async def completed(self, items: Iterable[Item]) -> AsyncIterator[Verdict]:
        """As `Client.completed`."""
        async with self._http.stream("POST", "/v1/verify", json=_body(list(items)), headers=_STREAM) as response:
            if not response.is_success:
                await response.aread()
                raise _error(response)
            async for line in response.aiter_lines():
                yield Verdict.model_validate_json(line)

    async def verifiers(self) -> list[dict[str, Any]]:
        """The verifiers that the service has."""
        return list((await self._ask("GET", "/v1/verifiers")).json())

    async def _ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        for attempt in range(self._retries + 1):
            try:
                response = await self._http.request(method, path, json=body)
            except httpx.TransportError as error:
                raise _unreachable(error) from error
            if response.is_success:
                return response
            if response.status_code not in RETRIED or attempt == self._retries:
                break
            await asyncio.sleep(_pause_s(response, attempt))
        raise _error(response)

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


_STREAM = {"Accept": "application/x-ndjson"}


def _connection(url: str, api_key: str | None, timeout: httpx.Timeout | float) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    encrypted = not url.startswith("http://")  # reading all root certificates takes longer than most requests
    return {"base_url": url, "headers": headers, "timeout": timeout, "verify": encrypted}


def _row(item: Item) -> dict[str, Any]:
    return {key: value for key, value in item._asdict().items() if value is not None}


def _body(items: Sequence[Item]) -> dict[str, Any]:
    return {"items": [_row(item) for item in items]}


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    everything = list(items)
    return (everything[start : start + BATCH] for start in range(0, len(everything), BATCH))


def _results(response: httpx.Response, batch: list[Item]) -> list[Verdict]:
    """The verdicts, under the ids that were asked for. Raises ServiceError unless there is one for each item."""
    verdicts = [Verdict.model_validate(result) for result in json.loads(response.content)["results"]]
    if len(verdicts) != len(batch):
        raise ServiceError(response.status_code, f"{len(verdicts)} verdicts for {len(batch)} items")
    return [verdict.model_copy(update={"id": item.id}) for verdict, item in zip(verdicts, batch, strict=True)]


def _failed(batch: list[Item], error: ServiceError) -> list[Verdict]:
    details = {"message": str(error)}
    return [Verdict.error("service", id=item.id, verifier=item.verifier, details=details) for item in batch]


def _pause_s(response: httpx.Response, attempt: int) -> float:
    """Seconds to wait: what the service asked for, else ever more, and never all clients at the same instant."""
    asked = response.headers.get("retry-after", "")
    seconds = float(asked) if asked.isdecimal() else 0.5 * 2.0**attempt
    return min(seconds, LONGEST_WAIT_S) * random.uniform(1.0, 1.5)


def _unreachable(error: httpx.TransportError) -> ServiceError:
    return ServiceError(None, f"cannot reach the verifier service: {type(error).__name__}: {error}")


def _error(response: httpx.Response) -> ServiceError:
    try:
        problem = response.json()
        return ServiceError(response.status_code, problem["detail"], problem["type"])
    except (ValueError, KeyError, TypeError):  # something between us and the service answered
        return ServiceError(response.status_code, response.text[:200])
