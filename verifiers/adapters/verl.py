"""verl: `reward.custom_reward_function.path=<this file>`, `name=compute_score`, and `reward_kwargs.verifier=math`.

verl has no way to leave a sample out, so no verdict is an exception and never a 0.
"""

from typing import Any

from verifiers.adapters import connection
from verifiers.client import AsyncClient, ServiceError
from verifiers.labels import labelled


async def compute_score(
    data_source: str, solution_str: str, ground_truth: Any, extra_info: Any = None, verifier: str = "math", **_: Any
) -> dict[str, Any]:
    """Raises ServiceError where there is no verdict."""
    async with AsyncClient(**connection()) as client:
        verdict = await client.grade(labelled(solution_str, ground_truth, verifier))
    if verdict.score is None:
        raise ServiceError(None, f"no verdict: {verdict.reason}: {verdict.details.get('message', '')}")
    return {"score": verdict.score, "acc": verdict.status == "correct", "reason": verdict.reason}
