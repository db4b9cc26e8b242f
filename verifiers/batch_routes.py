"""The routes of long batches. What they do is in `batches.py`."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict
from starlette.responses import StreamingResponse

from verifiers.batches import Batches, BatchStatus
from verifiers.bodies import NDJSON, ndjson
from verifiers.call import Row
from verifiers.judging import key_of
from verifiers.problems import ERRORS, Problem, ProblemDetails

router = APIRouter(responses=ERRORS | {404: {"model": ProblemDetails}})


class Batch(BaseModel):
    """Responses to judge. Items without an id get their position in the list."""

    model_config = ConfigDict(extra="forbid")

    items: list[Row]


def batches_of(request: Request) -> Batches:
    found: Batches = request.app.state.batches
    return found


@router.post("/v1/batches", status_code=202)
async def submit_batch(request: Request, response: Response, body: Batch) -> BatchStatus:
    """Hand in a batch of any length up to the service's limit. `Location` says where to ask for it."""
    items = [row.item()._replace(id=row.id or str(index)) for index, row in enumerate(body.items)]
    if len({item.id for item in items}) < len(items):
        raise Problem(422, "a batch needs ids that differ, since verdicts come in their own order", "ambiguous-ids")
    status = batches_of(request).submit(key_of(request), items)
    response.headers["Location"] = f"/v1/batches/{status.id}"
    return status


@router.get("/v1/batches/{id}")
async def show_batch(
    request: Request,
    id: str,
    wait: Annotated[float, Query(ge=0, le=60, description="Seconds to wait for its end.")] = 0,
) -> BatchStatus:
    """How far a batch is."""
    return await batches_of(request).wait(id, key_of(request), wait)


@router.get(
    "/v1/batches/{id}/results",
    response_class=Response,
    responses={200: {"content": ndjson("One Verdict a line, in the order in which they came.")}},
)
async def batch_results(
    request: Request, id: str, after: Annotated[int, Query(ge=0, description="Lines to leave out.")] = 0
) -> Response:
    """The verdicts so far."""
    batches, key = batches_of(request), key_of(request)
    batches.find(id, key)
    return StreamingResponse(batches.results(id, key, after), media_type=NDJSON)


@router.delete("/v1/batches/{id}", status_code=204)
async def cancel_batch(request: Request, id: str) -> Response:
    """Stop judging a batch, or forget one that has ended."""
    batches_of(request).cancel(id, key_of(request))
    return Response(status_code=204)
