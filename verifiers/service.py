"""The verifier service: `create_app()` is a FastAPI app around one Grader. Native routes below /v1.

It refuses what it cannot take on (413, 429, 503) and never turns overload or a failure of its own into a score: what
could not be judged is `error`, with a null score. Keys, body limits and the queue are in `gate.py`.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from verifiers import catalogue, problems
from verifiers.base import Verdict, VerifierError
from verifiers.bodies import Health, Many, One, Results, VerifyBody, ndjson
from verifiers.call import BadInput, Item
from verifiers.catalogue import Description, Entry
from verifiers.gate import Gate, Limits, Queue
from verifiers.grader import Grader
from verifiers.keys import ENVIRONMENT, read_keys
from verifiers.metrics import MEDIA_TYPE, Metrics, series
from verifiers.problems import FieldError, Problem, ProblemDetails
from verifiers.run import RunAnswer, RunBody, run, self_test

T = TypeVar("T")

NDJSON = "application/x-ndjson"
SHARE_S = 1.0
"""How often processes that share a port share their numbers."""


@dataclass(frozen=True)
class Settings:
    """What `rlvr serve` decides and `create_app` needs."""

    key_file: str | None = None
    """One key a line; empty lines and lines that start with `#` do not count."""
    hosts: tuple[str, ...] = ()
    """Names in `Host` that are answered; any if empty."""
    workers: int | None = None
    """Worker processes of this process's grader; one a CPU if None."""
    metrics_folder: str | None = None
    """Where processes that share a port share their numbers."""
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def from_environment(cls) -> Self:
        return cls(**json.loads(os.environ.get(ENVIRONMENT, "{}")))


class Service:
    """What the routes share: the grader, the queue before it, and the numbers."""

    def __init__(self, settings: Settings) -> None:
        self.limits = settings.limits
        self.keys = read_keys(Path(settings.key_file)) if settings.key_file else []
        self.grader = Grader(settings.workers)
        self.queue = Queue(settings.limits, len(self.keys))
        self.metrics = Metrics(Path(settings.metrics_folder) if settings.metrics_folder else None)
        self.loaded = False

    def numbers(self) -> dict[str, float]:
        """The metrics that the grader and the queue count."""
        stats = self.grader.stats()
        numbers = {
            "rlvr_cache_hits_total": float(stats.cached),
            "rlvr_retries_total": stats.workers.retried,
            "rlvr_items_admitted": self.queue.admitted,
            "rlvr_items_waiting": stats.waiting,
        }
        for event in ("started", "killed", "died"):
            numbers[series("rlvr_workers_total", event=event)] = getattr(stats.workers, event)
        for (verifier, status), count in stats.verdicts.items():
            numbers[series("rlvr_verdicts_total", verifier=verifier, status=status)] = count
        return numbers

    async def one(self, body: One) -> Verdict:
        """Raises Problem 404 for an unknown verifier, 422 for a bad reference, 504 at the deadline."""
        try:
            self.grader.check(body.verifier, body.reference, body.params)
        except BadInput as error:
            where = FieldError(pointer="#/" + error.code.removeprefix("bad_"), detail=str(error))
            raise Problem(422, str(error), error.code.replace("_", "-"), [where]) from None
        except LookupError as error:
            raise Problem(404, str(error), "unknown-verifier") from None
        except VerifierError as error:
            raise Problem(500, str(error), "broken-verifier") from None
        async for _, verdict in self.verdicts([body.item()], body.timeout_s):
            if verdict.reason == "deadline":
                raise Problem(504, verdict.details["message"], "deadline")
        return verdict

    async def many(self, items: list[Item], timeout_s: float | None) -> list[Verdict]:
        verdicts = {index: verdict async for index, verdict in self.verdicts(items, timeout_s)}
        return [verdicts[index] for index in range(len(items))]

    async def verdicts(self, items: list[Item], timeout_s: float | None) -> AsyncIterator[tuple[int, Verdict]]:
        """(position, verdict) of every item as they come; at the deadline, `error` for all that are missing."""
        missing = dict(enumerate(items))
        stream = self.grader.completed(items)
        seconds = min(timeout_s or self.limits.answer_s, self.limits.answer_s)
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            while missing:
                async with asyncio.timeout_at(deadline):
                    index, verdict = await anext(stream)
                del missing[index]
                if not verdict.cached and verdict.version:
                    self.metrics.observe("rlvr_verify_seconds", verdict.elapsed_ms / 1e3, verifier=verdict.verifier)
                yield index, verdict
        except TimeoutError:
            message = {"message": f"no verdict within {seconds:g} s"}
            for index, item in missing.items():
                yield index, Verdict.error("deadline", id=item.id, verifier=item.verifier, details=message)
        finally:
            await stream.aclose()

    async def load(self) -> None:
        """Import all verifiers while the first clients connect."""
        await asyncio.to_thread(catalogue.entries)
        self.loaded = True

    async def share(self) -> None:
        """Let siblings on the same port see the numbers, as long as the service runs."""
        while self.metrics.shared:
            self.metrics.share(self.numbers())
            await asyncio.sleep(SHARE_S)


class Held(StreamingResponse):
    """A stream that gives back its place in the queue when it ends, however it ends."""

    def __init__(self, lines: AsyncIterator[bytes], leave: Callable[[], None]) -> None:
        super().__init__(lines, media_type=NDJSON)
        self._leave = leave

    async def __call__(self, *connection: Any) -> None:
        try:
            await super().__call__(*connection)
        finally:
            self._leave()


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T | None:
    """The result of the work; None, and the work cancelled, if the client hangs up first."""
    doing = asyncio.create_task(work)
    leaving = asyncio.create_task(_hang_up(request))
    try:
        await asyncio.wait({doing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return doing.result() if doing.done() else None
    finally:
        leaving.cancel()
        doing.cancel()
        await asyncio.gather(doing, leaving, return_exceptions=True)


async def _hang_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


router = APIRouter(responses={status: {"model": ProblemDetails} for status in (400, 401, 408, 413, 422, 429, 500, 503)})


def service_of(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


@router.post(
    "/v1/verify",
    response_model=Verdict | Results,
    responses={
        200: {"content": ndjson("One Verdict a line, in the order in which they come.")},
        404: {"model": ProblemDetails},
        504: {"model": ProblemDetails},
    },
)
async def verify(request: Request, body: VerifyBody) -> Response:
    """Judge one response, or a batch. With `Accept: application/x-ndjson` verdicts stream as they come."""
    service, key = service_of(request), request.scope.get("rlvr.key", "")
    if isinstance(body, One):
        with service.queue.place(key, 1):
            verdict = await unless_gone(request, service.one(body))
        return _json(verdict.model_dump_json() if verdict else "null")
    rows = body.items
    items = [row.item()._replace(id=row.id or str(index)) for index, row in enumerate(rows)]
    if NDJSON in request.headers.get("accept", ""):
        return _stream(service, key, items, body)
    with service.queue.place(key, len(items)):
        verdicts = await unless_gone(request, service.many(items, body.timeout_s))
    return _json('{"results":[' + ",".join(verdict.model_dump_json() for verdict in verdicts or []) + "]}")


def _stream(service: Service, key: str, items: list[Item], body: Many) -> Response:
    if len({item.id for item in items}) < len(items):
        raise Problem(422, "a stream needs ids that differ, since its order is not yours", "ambiguous-ids")

    async def lines() -> AsyncIterator[bytes]:
        async for _, verdict in service.verdicts(items, body.timeout_s):
            yield verdict.model_dump_json().encode() + b"\n"

    service.queue.enter(key, len(items))
    return Held(lines(), lambda: service.queue.leave(key, len(items)))


def _json(text: str) -> Response:
    return Response(text, media_type="application/json")


@router.get("/v1/verifiers")
async def list_verifiers() -> list[Entry]:
    """The installed verifiers."""
    return catalogue.entries()


@router.get("/v1/verifiers/{name}", responses={404: {"model": ProblemDetails}})
async def show_verifier(name: str) -> Description:
    """What a verifier checks, with the JSON Schemas of its reference and its parameters."""
    try:
        return catalogue.describe(name)
    except LookupError as error:
        raise Problem(404, str(error), "unknown-verifier") from None
    except VerifierError as error:
        raise Problem(500, str(error), "broken-verifier") from None


@router.post("/v1/run", response_model=RunAnswer)
async def run_program(request: Request, body: RunBody) -> Response:
    """Run a program in the sandbox. A program that fails is an outcome, with status 200."""
    service = service_of(request)
    with service.queue.place(request.scope.get("rlvr.key", ""), 1):
        answer = await unless_gone(request, run(body))
    if answer:
        service.metrics.count("rlvr_runs_total", status=answer.status)
    return _json(answer.model_dump_json() if answer else "null")


@router.get("/healthz")
async def health() -> Health:
    """Alive: 200 as long as the process answers. Needs no key."""
    return Health(status="ok")


@router.get("/readyz", responses={503: {"model": Health}})
async def ready(request: Request) -> Response:
    """Ready for work: verifiers are loaded, the sandbox's self-test passes, the queue has room. Needs no key."""
    service = service_of(request)
    checks = [
        None if service.loaded else "verifiers are being loaded",
        "the queue is full" if service.queue.full else None,
        await self_test(),
    ]
    reasons = [why for why in checks if why]
    found = Health(status="unready" if reasons else "ready", reasons=reasons)
    return JSONResponse(found.model_dump(), 503 if reasons else 200)


@router.get("/metrics", response_class=PlainTextResponse)
async def show_metrics(request: Request) -> Response:
    """Prometheus' text format."""
    service = service_of(request)
    return Response(service.metrics.text(service.numbers()), media_type=MEDIA_TYPE)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The app. Without settings it takes those of `rlvr serve`, or the defaults: no keys, any host name."""
    settings = settings or Settings.from_environment()
    service = Service(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(service.load()), asyncio.create_task(service.share())]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(service.grader.close)

    app = FastAPI(title="rlvr verifiers", version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.service = service
    app.include_router(router)
    problems.install(app)
    openapi = app.openapi
    app.openapi = lambda: problems.documented(openapi())  # type: ignore[method-assign] # FastAPI's documented way
    app.add_middleware(Gate, keys=service.keys, hosts=settings.hosts, limits=settings.limits, metrics=service.metrics)
    return app
