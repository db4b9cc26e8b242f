"""OpenRLHF: `--reward.remote_url <this file>`. `RLVR_VERIFIER` says who reads the labels; `math` by default.

A batch without all its verdicts is an exception, which OpenRLHF takes for "no reward", and never a 0.
"""

import os
from typing import Any

from verifiers.adapters import connection
from verifiers.client import Client, ServiceError
from verifiers.labels import labelled, response_in


def reward_func(queries: list[str], prompts: list[str], labels: list[Any], **_: Any) -> dict[str, Any]:
    """Raises ServiceError where there is no verdict."""
    verifier = os.environ.get("RLVR_VERIFIER", "math")
    rows = zip(queries, prompts, labels, strict=True)
    with Client(**connection()) as client:
        verdicts = client.grade_many(
            labelled(response_in(text, prompt), label, verifier) for text, prompt, label in rows
        )
    if missing := [verdict for verdict in verdicts if verdict.score is None]:
        raise ServiceError(None, f"no verdict: {missing[0].reason}: {missing[0].details.get('message', '')}")
    scores = [verdict.score for verdict in verdicts]
    return {"rewards": scores, "scores": scores, "extra_logs": {"correct": [float(score == 1.0) for score in scores]}}
