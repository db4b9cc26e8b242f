"""Engine and learner must say the same of the same tokens before a run begins: then the weights stand where they
belong, and prompts, positions and temperature are read alike. What numbers are there, the fingerprint says each time.
"""

from collections.abc import AsyncIterator, Sequence
from statistics import fmean
from typing import Any, Protocol

from rlvr.config import RL, Sampling
from rlvr.errors import WorkFailed
from rlvr.partners import Engine
from rlvr.samples import Prompt, Request, Rollout, Sample

RESPONSES, TOKENS = 8, 32


class Speaker(Protocol):
    """A learner that can be asked for log-probabilities."""

    async def logprobs(self, samples: Sequence[Sample]) -> list[float]:
        """Of every response token, at the sampling temperature."""
        ...


class Compared:
    """The engine protocol, in front of an engine that is compared with the learner once it has its first weights."""

    def __init__(self, engine: Engine, learner: Speaker, prompts: Sequence[Prompt], config: RL) -> None:
        self.engine, self.learner, self.config = engine, learner, config
        self.prompts = prompts[:RESPONSES]
        self.difference: float | None = None
        """Nats a token, once it is known."""

    def sample(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[Rollout]:
        return self.engine.sample(requests, sampling)

    async def load(self, weights: Any, version: int) -> None:
        """Raises WorkFailed when the two do not agree."""
        await self.engine.load(weights, version)
        if self.difference is None:
            self.difference = await self._compare()
            if not self.difference <= self.config.engine.tolerance:
                raise WorkFailed(
                    f"engine and learner differ by {self.difference:.3g} nats a token on the engine's own responses, "
                    f"more than engine.tolerance ({self.config.engine.tolerance:g}): the engine does not have the "
                    "learner's weights, or reads them another way; use the transformers engine to find out which"
                )

    async def _compare(self) -> float:
        requests = [Request(f"compare/{i}", prompt.ids, i) for i, prompt in enumerate(self.prompts)]
        short = min(TOKENS, self.config.sampling.max_tokens)
        sampling = self.config.sampling.model_copy(update={"max_tokens": short})
        rollouts = [rollout async for rollout in self.engine.sample(requests, sampling)]
        ours = [logprob for rollout in rollouts for logprob in rollout.logprobs]
        theirs = await self.learner.logprobs([Sample(rollout, 0.0) for rollout in rollouts])
        return fmean(abs(one - other) for one, other in zip(ours, theirs, strict=True))
