"""The verifier service: `create_app()` is a FastAPI app around one Grader. Native routes are below /v1.

It refuses what it cannot take on (413, 429, 503) and never turns overload or a failure of its own into a score: what
could not be judged is `error`, with a null score. Keys and body limits are in `gate.py`, the queue in `admission.py`,
long batches in `batches.py`, the protocols of other projects in `wire/`.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from verifiers import batch_routes, catalogue, problems, wire
from verifiers.admission import Limits
from verifiers.base import Verdict, VerifierError
from verifiers.batches import Batches
from verifiers.bodies import NDJSON, Health, Many, One, Results, VerifyBody, ndjson
from verifiers.call import BadInput, Item
from verifiers.catalogue import Description, Entry
from verifiers.gate import Gate
from verifiers.judging import Service, key_of, self_test, service_of, unless_gone
from verifiers.keys import ENVIRONMENT, read_keys
from verifiers.metrics import MEDIA_TYPE
from verifiers.problems import ERRORS, FieldError, Problem, ProblemDetails
from verifiers.run import RunAnswer, RunBody
from verifiers.wire.llama_factory import Labels


@dataclass(frozen=True)
class Settings:
    """What `rlvr serve` decides and `create_app` needs."""

    key_file: str | None = None
    """Keys as `keys.read_keys` reads them; without a file those of the environment."""
    hosts: tuple[str, ...] = ()
    """Names in `Host` that are answered; any if empty."""
    workers: int | None = None
    """Worker processes of this process's grader; one a CPU if None."""
    metrics_folder: str | None = None
    """Where processes that share a port share their numbers."""
    batch_folder: str | None = None
    """Where long batches are kept; a folder that ends with the process if None."""
    labels: str | None = None
    """Tasks in a file, for clients that send a response without its reference."""
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def from_environment(cls) -> Self:
        return cls(**json.loads(os.environ.get(ENVIRONMENT, "{}")))


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


router = APIRouter(responses=ERRORS)


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
    service, key = service_of(request), key_of(request)
    if isinstance(body, One):
        with service.queue.place(key, 1):
            verdict = await unless_gone(request, _one(service, body, key))
        return _json(verdict.model_dump_json())
    items = [row.item()._replace(id=row.id or str(index)) for index, row in enumerate(body.items)]
    if NDJSON in request.headers.get("accept", ""):
        return _stream(service, key, items, body)
    with service.queue.place(key, len(items)):
        verdicts = await unless_gone(request, service.many(items, service.within(body.timeout_s), key))
    return _json('{"results":[' + ",".join(verdict.model_dump_json() for verdict in verdicts) + "]}")


async def _one(service: Service, body: One, key: str) -> Verdict:
    """Raises Problem 404 for an unknown verifier, 422 for a bad reference, 504 at the deadline."""
    try:
        service.grader.check(body.verifier, body.reference, body.params)
    except BadInput as error:
        where = FieldError(pointer="#/" + error.code.removeprefix("bad_"), detail=str(error))
        raise Problem(422, str(error), error.code.replace("_", "-"), [where]) from None
    except LookupError as error:
        raise Problem(404, str(error), "unknown-verifier") from None
    except VerifierError as error:
        raise Problem(500, str(error), "broken-verifier") from None
    [verdict] = await service.many([body.item()], service.within(body.timeout_s), key)
    if verdict.reason == "deadline":
        raise Problem(504, verdict.details["message"], "deadline")
    return verdict


def _stream(service: Service, key: str, items: list[Item], body: Many) -> Response:
    if len({item.id for item in items}) < len(items):
        raise Problem(422, "a stream needs ids that differ, since its order is not yours", "ambiguous-ids")

    async def lines() -> AsyncIterator[bytes]:
        async for _, verdict in service.verdicts(items, service.within(body.timeout_s), key):
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
    service, key = service_of(request), key_of(request)
    with service.queue.place(key, 1):
        result = await unless_gone(request, service.run(body.request(), key))
    return _json(RunAnswer.of(result).model_dump_json())


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
    keys = read_keys(Path(settings.key_file) if settings.key_file else None)
    workers = settings.workers or len(os.sched_getaffinity(0))
    service = Service(
        settings.limits, keys, workers, Path(settings.metrics_folder) if settings.metrics_folder else None
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        batches = app.state.batches = Batches(service, Path(settings.batch_folder) if settings.batch_folder else None)
        tasks = [asyncio.create_task(work) for work in (service.load(), service.share(), batches.keep())]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await batches.close()
        await asyncio.to_thread(service.grader.close)

    app = FastAPI(title="rlvr verifiers", version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.service = service
    app.state.labels = Labels.read(Path(settings.labels)) if settings.labels else None
    for part in (router, batch_routes.router, *wire.ROUTERS):
        app.include_router(part)
    problems.install(app)
    openapi = app.openapi
    app.openapi = lambda: problems.documented(openapi())  # type: ignore[method-assign] # FastAPI's documented way
    app.add_middleware(
        Gate, keys=keys, hosts=settings.hosts, limits=settings.limits, metrics=service.metrics, busy=wire.BUSY
    )
    return app
