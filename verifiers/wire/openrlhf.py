"""OpenRLHF's remote reward model: `POST /get_reward` (its knob: `--reward.remote_url`, formerly `--remote_rm_url`).

The client sends prompt and response as one text with special tokens, waits 180 s, and tries five times on any error.
`?verifier=NAME` says how labels are read; `math` by default.
"""

from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import BaseModel

from verifiers.base import Verdict
from verifiers.labels import labelled, response_in
from verifiers.problems import Problem
from verifiers.wire import door

router = door.router("OpenRLHF")
PATIENCE = door.Patience(170.0, 503)


class GetReward(BaseModel):
    """Texts of prompt and response, the prompts alone, and the labels, one of each a response."""

    query: list[str]
    prompts: list[str]
    labels: list[Any]


class Rewards(BaseModel):
    """`scores` is what dynamic filtering looks at. `extra_logs` holds numbers only, for the client's own curves."""

    rewards: list[float]
    scores: list[float]
    extra_logs: dict[str, list[float]]


@router.post("/get_reward")
async def get_reward(
    request: Request, body: GetReward, verifier: Annotated[str, Query(description="How to read labels.")] = "math"
) -> Rewards:
    """Judge responses that stand behind their prompts."""
    if not len(body.query) == len(body.prompts) == len(body.labels):
        lengths = f"{len(body.query)}, {len(body.prompts)} and {len(body.labels)}"
        raise Problem(422, f"query, prompts and labels must be equally long, got {lengths}", "invalid-request")
    rows = zip(body.query, body.prompts, body.labels, strict=True)
    try:
        items = [labelled(response_in(query, prompt), label, verifier) for query, prompt, label in rows]
    except ValueError as error:
        raise Problem(422, str(error), "no-prompt") from None
    verdicts = await door.judged(request, items, PATIENCE)
    scores = [verdict.score or 0.0 for verdict in verdicts]
    return Rewards(rewards=scores, scores=scores, extra_logs=_logs(verdicts))


def _logs(verdicts: list[Verdict]) -> dict[str, list[float]]:
    return {status: [float(verdict.status == status) for verdict in verdicts] for status in ("correct", "no_answer")}
