"""What the native routes of the service read and answer, as models: the source of its OpenAPI document."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Strict, Tag

from verifiers.base import Verdict
from verifiers.call import Row

NDJSON = "application/x-ndjson"
Timeout = Annotated[float, Strict(), Field(gt=0, le=3600)] | None


class One(Row):
    """One response to judge. After `timeout_s` seconds the service gives up, with 504."""

    timeout_s: Timeout = None


class Many(BaseModel):
    """A batch. Items without an id get their position in the list.

    What is not judged after `timeout_s` seconds is `error`, reason `deadline`.
    """

    model_config = ConfigDict(extra="forbid")

    items: list[Row]
    timeout_s: Timeout = None


def _shape(body: Any) -> str:
    return "<many>" if isinstance(body, Many) or (isinstance(body, dict) and "items" in body) else "<one>"


VerifyBody = Annotated[Annotated[One, Tag("<one>")] | Annotated[Many, Tag("<many>")], Discriminator(_shape)]


class Results(BaseModel):
    """Verdicts in the order of the items."""

    results: list[Verdict]


class Health(BaseModel):
    """Whether the service is up, or why it is not ready."""

    status: str
    reasons: list[str] = []


def ndjson(lines: str) -> dict[str, Any]:
    """OpenAPI's description of a stream of verdicts."""
    return {NDJSON: {"schema": {"type": "string", "description": lines}}}
