"""TRL: `GRPOTrainer(reward_funcs=reward_function("math", label="answer"), ...)`; `label` is the data set's column."""

from collections.abc import Awaitable, Callable
from typing import Any

from verifiers.adapters import connection, text_of
from verifiers.client import AsyncClient
from verifiers.labels import labelled

Reward = Callable[..., Awaitable[list[float | None]]]


def reward_function(verifier: str, label: str = "reference", **connect: Any) -> Reward:
    """None, which TRL leaves out, where there is no verdict. `connect`: arguments of `AsyncClient`."""

    async def reward(completions: list[Any], *, log_metric: Any = None, **columns: Any) -> list[float | None]:
        texts = [text_of(completion) for completion in completions]
        items = [labelled(text, known, verifier) for text, known in zip(texts, columns[label], strict=True)]
        async with AsyncClient(**connection() | connect) as client:
            verdicts = await client.grade_many(items)
        if log_metric:
            log_metric(f"{verifier}/errors", sum(verdict.score is None for verdict in verdicts) / len(verdicts))
        return [verdict.score for verdict in verdicts]

    reward.__name__ = f"rlvr_{verifier}"
    return reward
