"""What the loop asks of its partners. Fakes satisfy these in tests; `rlvr/actors.py` puts the real ones on machines."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Protocol

from rlvr.config import Sampling
from rlvr.samples import Asked, Judged, Prompt, Request, Rollout, Sample
from verifiers import Item, Verdict


class Engine(Protocol):
    """Samples from the policy, with the weights it last loaded."""

    def sample(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[Rollout]:
        """One rollout a request, in completion order."""
        ...

    async def load(self, weights: Any, version: int) -> None:
        """From its return on, no request is begun with older weights."""
        ...


class Grader(Protocol):
    """Judges responses. It never raises for a response: what went wrong is a verdict of `error`."""

    async def grade_many(self, items: Sequence[Item]) -> list[Verdict]:
        """As many verdicts as items, in their order."""
        ...


class Learner(Protocol):
    """Owns the policy that is trained."""

    async def step(self, samples: Sequence[Sample]) -> dict[str, float]: ...

    async def weights(self) -> Any:
        """Whatever the engine's `load` takes; the driver passes it on unopened."""
        ...

    async def checkpoint(self, step: int) -> None:
        """All or nothing: a crash in the midst leaves the last one."""
        ...

    async def restore(self) -> int:
        """Go back to the last checkpoint and return its step; 0 when there is none."""
        ...


class Journal(Protocol):
    """See `rlvr.journal.Journal`."""

    def issued(self, batch: int, prompts: Sequence[Prompt], requests: Sequence[Request]) -> None: ...
    def generated(self, rollouts: Iterable[Rollout]) -> None: ...
    def judged(self, judged: Iterable[Judged]) -> None: ...
    def trained(self, step: int, samples: Sequence[Sample], dropped: Mapping[str, Iterable[str]] = {}) -> None: ...
    def unfinished(self) -> list[Asked]: ...
    def metrics(self, step: int, metrics: dict[str, float]) -> None: ...
    def steps(self) -> dict[int, dict[str, float]]: ...
    def last_spreads(self, count: int) -> list[float]: ...
    def batch_of(self, step: int) -> list[Sample]: ...
    def counts(self) -> dict[str, int]: ...
    def solved(self, scale: float) -> dict[str, tuple[float, int]]: ...
