"""Tasks of reasoning-gym, judged by their own scorers behind a fence. Needs `pip install 'rlvr[reasoning-gym]'`.

The scorers are of mixed quality: the base one pays part of the reward whenever the right answer is a substring of the
response, some raise on odd text, and one calls any text right (`game_of_life_halting` in 0.1.25). So a response is
right when the scorer pays it in full, pays an obviously wrong answer less, and does not raise; partial scores are
dropped unless asked for. Where the scorer cannot be trusted with the entry, the stored answer is compared as text.
"""

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from verifiers.base import Verdict, VerifierError
from verifiers.format import final_part

JUNK = ("junk", "rlvr probe: no answer", "")
"""No task has these answers; a scorer that pays one of them in full is not asked."""
_TAG = re.compile(r"<answer>(.*?)</answer>", re.S | re.I)


class ReasoningGymReference(BaseModel):
    """an entry as reasoning-gym makes it: `{"question", "answer", "metadata": {"source_dataset", ...}}`"""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answer: Any = None
    question: str = ""
    metadata: dict[str, Any] = Field(default={})
    dataset: str
    """Taken from `metadata.source_dataset` when it is not given."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        if isinstance(value, dict) and "dataset" not in value:
            metadata = value.get("metadata")
            named = metadata.get("source_dataset") if isinstance(metadata, dict) else None
            return {**value, "dataset": named} if named else value
        return value

    def entry(self) -> dict[str, Any]:
        return {"question": self.question, "answer": self.answer, "metadata": self.metadata}


class ReasoningGymParams(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    partial: bool = False
    """Pass on scores between 0 and 1 of scorers that look at the content; never those for a substring."""


class ReasoningGymVerifier:
    """What the task's own scorer says, where it can be trusted."""

    name = "reasoning_gym"
    version = "1.0.0"
    isolation = "process"
    preload = ("reasoning_gym",)
    Reference = ReasoningGymReference
    Params = ReasoningGymParams

    def verify(self, response: str, reference: Any, params: Any = None) -> Verdict:
        task, rules = (
            ReasoningGymReference.model_validate(reference),
            ReasoningGymParams.model_validate(params or {}),
        )
        text = answer_in(final_part(response))
        if not text:
            return Verdict.no_answer("empty_response")
        scorer = scorer_of(task.dataset)
        if not trusted(scorer, task):
            return by_text(text, task)
        score = scored(scorer, text, task)
        if score is None:
            return Verdict.incorrect("unreadable", extracted=text)
        if score < 1.0 and (not rules.partial or _contains(text, task.answer)):
            return Verdict.incorrect("scorer", extracted=text, details={"scorer": score})
        return Verdict.of_score(score, "scorer", extracted=text)


def answer_in(text: str) -> str:
    """The last `<answer>`, as the system prompts of reasoning-gym ask for it; else all of the text."""
    tags = _TAG.findall(text)
    return (tags[-1] if tags else text).strip()


def scorer_of(dataset: str) -> Any:
    """Raises VerifierError for a data set that the installed reasoning-gym does not have."""
    import reasoning_gym

    try:
        return reasoning_gym.get_score_answer_fn(dataset)
    except ValueError as error:
        raise VerifierError(f"reasoning-gym has no data set {dataset!r}: {error}") from None


def scored(scorer: Any, text: str, task: ReasoningGymReference) -> float | None:
    """The scorer's number, at most 1; None where it raises or says nothing that is a score."""
    try:
        score = float(scorer(text, entry=task.entry()))
    except Exception:  # foreign code on text that a model wrote
        return None
    return min(1.0, score) if score >= 0.0 else None


def trusted(scorer: Any, task: ReasoningGymReference) -> bool:
    """Pays the stored answer in full, where there is one, and no junk."""
    if isinstance(task.answer, str) and scored(scorer, task.answer, task) != 1.0:
        return False
    return all((scored(scorer, junk, task) or 0.0) < 1.0 for junk in JUNK)


def by_text(text: str, task: ReasoningGymReference) -> Verdict:
    """Equality of text; without a stored answer nobody can tell."""
    if not isinstance(task.answer, str) or not task.answer.strip():
        raise VerifierError(f"the scorer of {task.dataset!r} cannot be trusted with this entry, which has no answer")
    if text.split() == task.answer.split():
        return Verdict.correct("text", extracted=text)
    return Verdict.incorrect("text", extracted=text)


def _contains(text: str, answer: Any) -> bool:
    return isinstance(answer, str) and answer in text
