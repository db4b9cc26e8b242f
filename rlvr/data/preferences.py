"""Which of several responses to one prompt is preferred to which: by a verifier, or by ratings."""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

from verifiers import Verdict

T = TypeVar("T")


def verified(
    responses: Sequence[T], verdicts: Sequence[Verdict], whole: Sequence[bool], random: Random
) -> tuple[T, T] | None:
    """A response that ended by itself and is right, and one that is judged and is not; None where there are not both.

    A verdict of `error` says nothing of a response, so that one is neither.
    """
    judged = list(zip(responses, verdicts, whole, strict=True))
    right = [response for response, verdict, ended in judged if verdict.status == "correct" and ended]
    wrong = [response for response, verdict, _ in judged if verdict.score is not None and verdict.score < 1.0]
    return (random.choice(right), random.choice(wrong)) if right and wrong else None


def rated(responses: Sequence[T], ratings: Sequence[float | None], random: Random) -> tuple[T, T] | None:
    """The best response, and any of those rated lower (Tulu 3, section 5.2.1); None where none is rated lower."""
    known = [(response, rating) for response, rating in zip(responses, ratings, strict=True) if rating is not None]
    best = max((rating for _, rating in known), default=0.0)
    lower = [response for response, rating in known if rating < best]
    if not lower:
        return None
    return random.choice([response for response, rating in known if rating == best]), random.choice(lower)
