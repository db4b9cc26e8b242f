"""Leave the judging to another HTTP service: your own reward server, or another rlvr verifier service.

The service gets `{"response", "reference"}`, and with `verifier` also that name and `params`, which is what our own
`POST /v1/verify` reads. It answers with a verdict, `{"score": 0.5}` (or `reward`), or a bare number or boolean.
"""

import math
from typing import Any

from pydantic import ConfigDict, Field, JsonValue, RootModel, ValidationError

from verifiers.base import Verdict, VerifierError
from verifiers.endpoint import EndpointParams, ask

SCORES = ("score", "reward")


class RemoteReference(RootModel[JsonValue]):
    """any JSON value: it is handed on as it is"""

    model_config = ConfigDict(frozen=True)


class RemoteParams(EndpointParams):
    """Where to ask, and what to ask for."""

    verifier: str = ""
    """Name of a verifier there; empty for services that have only one."""
    params: dict[str, JsonValue] = Field(default={})
    """Parameters for that verifier."""

    @classmethod
    def variable(cls) -> str:
        return "RLVR_REMOTE"


class RemoteVerifier:
    """What another HTTP service says of the response."""

    name = "remote"
    version = "1.0.0"
    isolation = "inline"
    deadline_s = 300.0
    Reference = RemoteReference
    Params = RemoteParams

    async def verify(self, response: str, reference: Any, params: Any = None) -> Verdict:
        rules = RemoteParams.model_validate(params or {})
        value = RemoteReference.model_validate(reference).root
        body: dict[str, Any] = {"response": response, "reference": value}
        if rules.verifier:
            body |= {"verifier": rules.verifier, **({"params": rules.params} if rules.params else {})}
        elif not response.strip():
            return Verdict.no_answer("empty_response")
        return verdict_of(await ask(rules, rules.url, body))


def verdict_of(answer: Any) -> Verdict:
    """The answer of a service as a verdict. Raises VerifierError for anything that is no score in [0, 1]."""
    if isinstance(answer, dict) and "status" in answer:
        try:
            verdict = Verdict.model_validate(answer)
        except ValidationError as error:
            raise VerifierError(f"the service's verdict does not hold: {error.errors()[0]['msg']}") from None
        there = {"verifier": verdict.verifier, "version": verdict.version}
        return verdict.model_copy(update={"id": "", "details": {**verdict.details, "remote": there}})
    value = next((answer[key] for key in SCORES if key in answer), None) if isinstance(answer, dict) else answer
    if isinstance(value, bool):
        return Verdict.of_score(float(value), "remote")
    if isinstance(value, (int, float)) and math.isfinite(value) and 0.0 <= value <= 1.0:
        return Verdict.of_score(float(value), "remote")
    raise VerifierError(
        f"expected a verdict, a score in [0, 1] or a boolean from the service, got {str(answer)[:80]!r}"
    )
