"""What a bench found, as models that print as JSON: tallies, speed, the offending cases, the probes that were paid."""

from collections.abc import Sequence
from typing import Any, Self

from pydantic import BaseModel

from verifiers.base import Verdict
from verifiers.bench.cases import Case
from verifiers.bench.clocked import Reply
from verifiers.bench.probes import Probe

SHOWN = 300
"""Characters of a response or a reference in the report."""


class Tally(BaseModel):
    """How verdicts compare with labels. An `error` is neither right nor wrong, and no case counts twice."""

    cases: int
    right: int
    false_positives: int
    """Paid more than the label says."""
    false_negatives: int
    """Paid less than the label says; undecided ones are among them."""
    undecided: int
    errors: int
    negatives: int
    """Cases whose label is below 1."""

    @property
    def accuracy(self) -> float:
        return self.right / max(1, self.cases)

    @classmethod
    def of(cls, cases: Sequence[Case], verdicts: Sequence[Verdict | Reply]) -> Self:
        pairs = [(case.score, verdict.score) for case, verdict in zip(cases, verdicts, strict=True)]
        given = [(label, score) for label, score in pairs if score is not None]
        return cls(
            cases=len(pairs),
            right=sum(abs(label - score) <= 1e-9 for label, score in given),
            false_positives=sum(score > label + 1e-9 for label, score in given),
            false_negatives=sum(score < label - 1e-9 for label, score in given),
            undecided=sum(getattr(verdict, "status", "") == "undecided" for verdict in verdicts),
            errors=len(pairs) - len(given),
            negatives=sum(case.score < 1.0 for case in cases),
        )


class Speed(BaseModel):
    """Milliseconds of CPU for one case; of wall-clock time where a verifier waits for programs or services."""

    clock: str
    per_s: float
    p50_ms: float
    p99_ms: float
    slowest_ms: float
    slowest: str = ""
    """The slowest case's id."""

    @classmethod
    def of_cpu(cls, replies: Sequence[Reply], cases: Sequence[Case]) -> Self:
        speed = cls._of("cpu", [1e3 * reply.cpu_s for reply in replies])
        slowest = max(zip(replies, cases, strict=True), key=lambda pair: pair[0].cpu_s)
        return speed.model_copy(update={"slowest": slowest[1].id})

    @classmethod
    def of_wall(cls, times_ms: Sequence[float]) -> Self:
        return cls._of("wall", times_ms)

    @classmethod
    def _of(cls, clock: str, times_ms: Sequence[float]) -> Self:
        times = sorted(times_ms)
        return cls(
            clock=clock,
            per_s=1e3 * len(times) / max(sum(times), 1e-9),
            p50_ms=times[len(times) // 2],
            p99_ms=times[int(0.99 * (len(times) - 1))],
            slowest_ms=times[-1],
        )


class Wrong(BaseModel):
    """A case whose verdict is not its label."""

    id: str
    category: str
    response: str
    reference: str
    expected: float
    score: float | None
    status: str
    reason: str
    extracted: str | None

    @classmethod
    def of(cls, case: Case, verdict: Verdict) -> Self:
        return cls(
            id=case.id,
            category=case.category,
            response=case.response[:SHOWN],
            reference=_short(case.reference),
            expected=case.score,
            score=verdict.score,
            status=verdict.status,
            reason=str(verdict.details.get("message", verdict.reason))[:SHOWN],
            extracted=verdict.extracted and verdict.extracted[:SHOWN],
        )


class Paid(BaseModel):
    """A probe that solves nothing and did not get 0."""

    probe: str
    response: str
    reference: str
    score: float | None
    reason: str

    @classmethod
    def of(cls, probe: Probe, verdict: Verdict) -> Self:
        return cls(
            probe=probe.name,
            response=probe.response[:SHOWN],
            reference=_short(probe.reference),
            score=verdict.score,
            reason=verdict.reason,
        )


class PeerReport(BaseModel):
    """Another grader on the same cases."""

    total: Tally
    categories: dict[str, Tally]
    speed: Speed

    @classmethod
    def of(cls, cases: Sequence[Case], replies: Sequence[Reply]) -> Self:
        categories = {}
        for category in sorted({case.category for case in cases}):
            rows = [(c, r) for c, r in zip(cases, replies, strict=True) if c.category == category]
            categories[category] = Tally.of([case for case, _ in rows], [reply for _, reply in rows])
        return cls(total=Tally.of(cases, replies), categories=categories, speed=Speed.of_cpu(replies, cases))


class Report(BaseModel):
    """All that a bench found on one verifier."""

    verifier: str
    version: str
    total: Tally
    categories: dict[str, Tally]
    wrong: list[Wrong]
    speed: Speed
    probes: int
    """How many were tried."""
    paid: list[Paid]
    peers: dict[str, PeerReport]


def _short(reference: Any) -> str:
    text = reference if isinstance(reference, str) else repr(reference)
    return text[:SHOWN]
