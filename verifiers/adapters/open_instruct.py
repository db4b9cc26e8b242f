"""open-instruct: `verifier_function(VerifierFunction, VerificationResult, "math")` adds a verifier named `rlvr_math`.

It finds verifiers by their base class, so both classes come from its own `ground_truth_utils`.
"""

from typing import Any

from verifiers.adapters import connection
from verifiers.client import AsyncClient, ServiceError
from verifiers.labels import labelled


def verifier_function(base: Any, result: Any, verifier: str) -> type:
    """A subclass of `base`. Where there is no verdict its calls raise ServiceError: a 0 would be a lie."""

    class Remote(base):  # type: ignore[misc] # known only where open-instruct is
        def __init__(self, verifier_config: Any = None) -> None:
            super().__init__(f"rlvr_{verifier}", weight=1.0, verifier_config=verifier_config)

        async def async_call(
            self, tokenized_prediction: Any, prediction: str, label: Any, query: Any = None, *_: Any
        ) -> Any:
            async with AsyncClient(**connection()) as client:
                verdict = await client.grade(labelled(prediction, label, verifier))
            if verdict.score is None:
                raise ServiceError(None, f"no verdict: {verdict.reason}")
            return result(score=verdict.score, reasoning=verdict.reason)

    return Remote
