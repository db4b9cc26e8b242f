"""slime's remote reward model: `POST /remote_rm` (its knobs: `--rm-type remote_rm --rm-url URL [--reward-key score]`).

The client waits 120 s, and tries ten times on any error. `?verifier=NAME` says how labels are read, `math` by
default; with `?verdict=true` the answer is the whole verdict, for `--reward-key score`.
"""

from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import BaseModel

from verifiers.base import Verdict
from verifiers.labels import labelled
from verifiers.wire import door

router = door.router("slime")
PATIENCE = door.Patience(110.0, 503)


class RemoteRm(BaseModel):
    """A response, with its prompt and its label."""

    prompt: Any = None
    response: str
    label: Any = None


@router.post("/remote_rm")
async def remote_rm(
    request: Request,
    body: RemoteRm,
    verifier: Annotated[str, Query(description="How to read labels.")] = "math",
    verdict: Annotated[bool, Query(description="Answer with the verdict, not its score alone.")] = False,
) -> float | Verdict:
    """Judge one response: a bare number."""
    [found] = await door.judged(request, [labelled(body.response, body.label, verifier)], PATIENCE)
    return found if verdict else found.score or 0.0
