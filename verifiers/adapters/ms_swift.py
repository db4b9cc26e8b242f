"""ms-swift: in the file of `--external_plugins`, `orms["rlvr_math"] = reward("math", label="solution")`."""

from typing import Any

from verifiers.adapters import connection, text_of
from verifiers.client import Client
from verifiers.labels import labelled


def reward(verifier: str, label: str = "solution") -> type:
    """A class as `orms` holds them; `label` is the data set's column. None where there is no verdict."""

    class Reward:
        def __init__(self, *_: Any, **__: Any) -> None:
            """Takes the trainer's arguments, and needs none."""

        def __call__(self, completions: list[Any], **columns: Any) -> list[float | None]:
            pairs = zip(completions, columns[label], strict=True)
            items = [labelled(text_of(completion), known, verifier) for completion, known in pairs]
            with Client(**connection()) as client:
                return [verdict.score for verdict in client.grade_many(items)]

    return Reward
