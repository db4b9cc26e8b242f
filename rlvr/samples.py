"""The nouns that travel round the loop, in the order in which they come into being."""

from dataclasses import dataclass, field
from typing import Literal

from verifiers import Item, Task, Verdict

Finish = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A task as the policy reads it."""

    task: Task
    ids: tuple[int, ...]
    """Token ids with the chat template and the opening of the answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """One response asked for."""

    id: str
    """Unique within a run, and the same whenever the same run asks again: `batch/attempt/prompt/sample`."""
    prompt_ids: tuple[int, ...]
    seed: int
    """Of this response alone, so that it does not depend on what it was sampled beside."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """One sampled response. It keeps the token ids: text is never tokenised again."""

    id: str
    prompt_ids: tuple[int, ...]
    response_ids: tuple[int, ...]
    """With the end-of-sequence token, if the policy gave one."""
    mask: tuple[int, ...]
    """1 for a response token that the policy sampled, 0 for one that a tool or another turn put in."""
    logprobs: tuple[float, ...]
    """Of each response token under the sampler, at the sampling temperature."""
    versions: tuple[int, ...]
    """Weight version that sampled each response token."""
    finish: Finish
    text: str
    """The response decoded, without special tokens: what the verifier reads."""

    def item(self, task: Task) -> Item:
        """What a grader is asked of this response to `task`."""
        return Item(self.id, task.verifier, self.text, task.reference, task.params)


@dataclass(frozen=True, slots=True)
class Judged:
    rollout: Rollout
    verdict: Verdict
    reward: float | None
    """The verdict's score as `rlvr/rewards.py` shapes it, unless a control run deals others. None: masked."""


@dataclass(frozen=True, slots=True)
class Group:
    """All responses to one task: the unit over which advantages are taken."""

    id: str
    task: Task
    judged: tuple[Judged, ...]

    @property
    def oldest(self) -> int:
        """The oldest weight version that sampled a token of it."""
        return min(version for judged in self.judged for version in judged.rollout.versions)


@dataclass(slots=True)
class Asked:
    """One prompt's requests, and what has come of them so far, by request id."""

    id: str
    prompt: Prompt
    requests: list[Request]
    rollouts: dict[str, Rollout] = field(default_factory=dict)
    judged: dict[str, Judged] = field(default_factory=dict)

    def group(self) -> Group:
        """All of it, once every response is judged."""
        return Group(self.id, self.prompt.task, tuple(self.judged[request.id] for request in self.requests))


@dataclass(frozen=True, slots=True)
class Sample:
    """What the learner sees of a rollout."""

    rollout: Rollout
    advantage: float
    reward: float = 0.0
    """For a critic, and for a KL penalty in the reward."""
