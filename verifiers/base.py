"""The contract between a task, a response and its verdict.

A verifier is any object with `name`, `version`, a pydantic `Reference` and `verify`. Seen from outside it is pure:
the same response and reference give the same verdict. A wrong answer is a verdict of 0. Only a broken verifier or
broken infrastructure gives `error`, whose score is null: the rollout is masked, never scored 0.
"""

from typing import Any, Literal, Protocol, Self, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field, model_validator

Status = Literal["correct", "partial", "incorrect", "no_answer", "undecided", "error"]
Isolation = Literal["inline", "process", "sandbox"]


class VerifierError(Exception):
    """The verifier, its reference or its infrastructure is broken. It says nothing of the model."""


class Task(BaseModel):
    """One prompt and what is needed to check an answer to it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    prompt: str | list[dict[str, Any]]
    """Plain text, or chat messages `{"role", "content"}`."""
    verifier: str
    reference: Any = None
    """Gold answer, tests or constraints, in the shape that the named verifier reads."""
    params: dict[str, Any] | None = None
    source: str | None = None


class Verdict(BaseModel):
    """What a verifier says of one response."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = ""
    status: Status
    score: float | None = Field(default=None, ge=0.0, le=1.0)
    """In [0, 1]; null for `error` and only for `error`."""
    reason: str = ""
    """A short code or one line for a person reading the log: `equal`, `different`, `time_limit`, ..."""
    extracted: str | None = None
    """The answer as it was read out of the response."""
    details: dict[str, Any] = Field(default_factory=dict)
    verifier: str = ""
    version: str = ""
    elapsed_ms: float = 0.0
    cached: bool = False

    @model_validator(mode="after")
    def _score_fits_status(self) -> Self:
        if (self.score is None) != (self.status == "error"):
            raise ValueError(
                f"score is null for 'error' and only for it; got status {self.status!r}, score {self.score}"
            )
        return self

    @classmethod
    def correct(cls, reason: str = "equal", **more: Any) -> Self:
        return cls(status="correct", score=1.0, reason=reason, **more)

    @classmethod
    def incorrect(cls, reason: str, **more: Any) -> Self:
        return cls(status="incorrect", score=0.0, reason=reason, **more)

    @classmethod
    def no_answer(cls, reason: str = "no_answer", **more: Any) -> Self:
        return cls(status="no_answer", score=0.0, reason=reason, **more)

    @classmethod
    def undecided(cls, reason: str, **more: Any) -> Self:
        return cls(status="undecided", score=0.0, reason=reason, **more)

    @classmethod
    def error(cls, reason: str, **more: Any) -> Self:
        return cls(status="error", score=None, reason=reason, **more)

    @classmethod
    def of_score(cls, score: float, reason: str = "", **more: Any) -> Self:
        """`correct` at 1, `incorrect` at 0, `partial` between."""
        status: Status = "correct" if score == 1.0 else "incorrect" if score == 0.0 else "partial"
        return cls(status=status, score=score, reason=reason, **more)


class NoParams(BaseModel):
    """The Params of a verifier that has none."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@runtime_checkable
class Verifier(Protocol):
    """`verify(response, reference, params=None)` may be sync or async and return a Verdict, a bool or a float.

    `reference` and `params` come as instances of `Reference` and `Params`, or as anything these validate.
    Optional attributes: `Params` (a pydantic model; without it the verifier takes no parameters) and
    `isolation` (`inline` by default).
    """

    name: str
    version: str
    Reference: type[BaseModel]

    def verify(self, response: str, reference: Any, params: Any = None) -> Any: ...
