"""Verifiers made of others: `all` must hold, `weighted` averages, `gate` asks the last only if the others hold.

Each part is judged by the grader that judges the whole, where that part's own verifier belongs. A part that failed for
a reason of ours makes the whole an `error`, unless the rest decides it anyway.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from verifiers.base import Verdict
from verifiers.call import BadInput, prepare


class Part(BaseModel):
    """One verifier with its own reference."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    verifier: str
    reference: Any = None
    params: dict[str, Any] | None = None
    weight: float = Field(default=1.0, ge=0.0, allow_inf_nan=False)
    """Share in `weighted`; the others pass it over."""

    @model_validator(mode="after")
    def _readable(self) -> "Part":
        """Refuse early what the part's verifier would refuse late."""
        from verifiers.catalogue import load  # the catalogue loads these verifiers too

        try:
            prepare(load(self.verifier), "", self.reference, self.params)
        except (LookupError, BadInput) as error:
            raise ValueError(str(error.args[-1])) from error
        return self


class ComposedReference(BaseModel):
    """`{"parts": [{"verifier": ..., "reference": ..., "params"?: ..., "weight"?: ...}, ...]}` or the bare list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    parts: list[Part] = Field(min_length=1, max_length=64)

    @model_validator(mode="before")
    @classmethod
    def _shapes(cls, value: Any) -> Any:
        return {"parts": value} if isinstance(value, list) else value

    @model_validator(mode="after")
    def _weighs(self) -> "ComposedReference":
        if not sum(part.weight for part in self.parts):
            raise ValueError("the weights must not all be 0")
        return self


class Composed:
    """What the three have in common: ask the parts in turn, then conclude from their verdicts."""

    version = "1.0.0"
    isolation = "inline"
    Reference = ComposedReference
    stops = False
    """Leave the rest unasked after a part that is not correct."""

    async def verify(self, response: str, reference: Any, params: Any = None) -> Verdict:
        parts = ComposedReference.model_validate(reference).parts
        verdicts: list[Verdict] = []
        for part in parts:
            verdicts.append(await judge(response, part))
            if self.stops and verdicts[-1].status != "correct":
                break
        return self.conclude(parts, verdicts)

    def conclude(self, parts: Sequence[Part], verdicts: Sequence[Verdict]) -> Verdict:
        """The verdict on the whole; `verdicts` are those of the parts that were asked."""
        raise NotImplementedError


class AllVerifier(Composed):
    """1.0 when every part is correct; the first that is not gives status and reason."""

    name = "all"

    def conclude(self, parts: Sequence[Part], verdicts: Sequence[Verdict]) -> Verdict:
        failed = [verdict for verdict in verdicts if verdict.status not in ("correct", "error")]
        broken = [verdict for verdict in verdicts if verdict.status == "error"]
        return taken_from((failed or broken or verdicts[-1:])[0], verdicts, exact=True)


class WeightedVerifier(Composed):
    """The mean of the parts' scores, by weight."""

    name = "weighted"

    def conclude(self, parts: Sequence[Part], verdicts: Sequence[Verdict]) -> Verdict:
        total = sum(part.weight for part in parts)
        score = 0.0
        for part, verdict in zip(parts, verdicts, strict=True):
            if verdict.score is None:
                return taken_from(verdict, verdicts, exact=True)
            score += part.weight / total * verdict.score
        if all(verdict.score == 1.0 for verdict in verdicts):
            score = 1.0
        return Verdict.of_score(min(1.0, score), "weighted", details=listed(verdicts))


class GateVerifier(Composed):
    """The last part's verdict, if all before it are correct; else that of the first that is not, scored 0."""

    name = "gate"
    stops = True

    def conclude(self, parts: Sequence[Part], verdicts: Sequence[Verdict]) -> Verdict:
        return taken_from(verdicts[-1], verdicts, exact=len(verdicts) < len(parts))


async def judge(response: str, part: Part) -> Verdict:
    from verifiers.grader import averify  # the grader loads these verifiers too

    return await averify(part.verifier, response, part.reference, **(part.params or {}))


def taken_from(deciding: Verdict, verdicts: Sequence[Verdict], exact: bool) -> Verdict:
    """The whole takes status, reason and answer of the deciding part. `exact` counts half right as wrong."""
    status, score = deciding.status, deciding.score
    if exact and status == "partial":
        status, score = "incorrect", 0.0
    reason = deciding.reason if status == "correct" else f"{deciding.verifier}: {deciding.reason}"
    return Verdict(status=status, score=score, reason=reason, extracted=deciding.extracted, details=listed(verdicts))


def listed(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    fields = {"verifier", "version", "status", "score", "reason"}
    return {"parts": [verdict.model_dump(include=fields) for verdict in verdicts]}
