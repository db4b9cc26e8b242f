"""NeMo-Gym's resources server: `POST /verify`, and the routes that an agent calls around it.

What is asked tells the verifier: `expected_answer` math, `verifier_metadata.unit_tests` code, `instruction_id_list`
instructions; or `verifier` and `reference` in our own terms. The answer is the request with the reward.
"""

from typing import Any

from fastapi import Request
from pydantic import BaseModel, ConfigDict

from verifiers.call import Item, well_formed
from verifiers.problems import Problem
from verifiers.wire import door

router = door.router("NeMo-Gym")
PATIENCE = door.Patience(600.0, 503)


class Verify(BaseModel):
    """An OpenAI Responses object, and whatever the task's row holds."""

    model_config = ConfigDict(extra="allow")

    responses_create_params: dict[str, Any]
    response: dict[str, Any]


class Verified(Verify):
    reward: float
    extracted_answer: str | None = None


class Empty(BaseModel):
    """Nothing to say."""


@router.post("/verify")
async def verify(request: Request, body: Verify) -> Verified:
    """Judge the text of a response."""
    row = body.model_extra or {}
    verifier, reference, params = _question(row)
    item = Item("", verifier, well_formed(_text(body.response)), reference, params)
    [verdict] = await door.judged(request, [item], PATIENCE)
    found = {"reward": verdict.score or 0.0, "extracted_answer": verdict.extracted}
    return Verified.model_validate(body.model_dump() | found)


@router.post("/seed_session")
async def seed_session() -> Empty:
    return Empty()


@router.get("/reverify_mode")
async def reverify_mode() -> str:
    return "stateless"


def _question(row: dict[str, Any]) -> tuple[str, Any, dict[str, Any] | None]:
    metadata = row.get("verifier_metadata")
    tests = metadata.get("unit_tests") if isinstance(metadata, dict) else None
    if isinstance(row.get("verifier"), str):
        return row["verifier"], row.get("reference"), row.get("params")
    if tests is not None:
        return "code", tests, None
    if "instruction_id_list" in row:
        keys = ("instruction_id_list", "kwargs", "prompt")
        return "instructions", {key: row[key] for key in keys if key in row}, None
    if "expected_answer" in row:
        return "math", row["expected_answer"], None
    wanted = "verifier and reference, expected_answer, verifier_metadata.unit_tests or instruction_id_list"
    raise Problem(422, f"a request needs {wanted}, got {', '.join(sorted(row)) or 'none'}", "no-reference")


def _text(response: dict[str, Any]) -> str:
    """All that the assistant said in the last message of a Responses object."""
    outputs = response.get("output")
    messages = (
        [part for part in outputs if isinstance(part, dict) and part.get("type") == "message"]
        if isinstance(outputs, list)
        else []
    )
    content = messages[-1].get("content") if messages else ""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict) and part.get("type") == "output_text"]
    return "".join(text for text in texts if isinstance(text, str))
