"""Rollouts as flat packed tensors, micro-batches cut from them under a budget of tokens, and a model's inputs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rlvr.samples import Sample


@dataclass(frozen=True, slots=True)
class Batch:
    """S sequences whose N response tokens lie one after another."""

    prompts: list[tuple[int, ...]]
    """S prompts, as token ids."""
    responses: list[tuple[int, ...]]
    seq: Tensor
    """(N,) number of the sequence a response token belongs to."""
    mask: Tensor
    """(N,) 1 for a token that is trained."""
    sampler: Tensor
    """(N,) fp32 log-probability under the engine."""
    advantage: Tensor
    """(N,) fp32."""

    def tokens_of(self, sequences: Sequence[int]) -> Tensor:
        """Places in `(N,)` of the response tokens of these sequences, in their order."""
        ends = torch.tensor([len(r) for r in self.responses]).cumsum(0).tolist()
        return torch.cat([torch.arange(ends[i] - len(self.responses[i]), ends[i]) for i in sequences])

    def with_advantage(self, advantage: Tensor) -> "Batch":
        return replace(self, advantage=advantage)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the model reads of some sequences, and where its answers lie."""

    ids: Tensor
    """(B, T) token ids."""
    attention: Tensor | None
    """(B, T) 1 where there is a token; None where every place has one."""
    position: Tensor | None
    """(B, T) place in its own sequence; None where that is the column."""
    places: Tensor
    """(n,) for every response token in order, the flat place in (B * T) of the position that predicts it."""
    targets: Tensor
    """(n,) the response tokens."""

    def to(self, device: str) -> "Inputs":
        return Inputs(
            self.ids.to(device),
            None if self.attention is None else self.attention.to(device),
            None if self.position is None else self.position.to(device),
            self.places.to(device),
            self.targets.to(device),
        )


def pack(samples: Sequence[Sample], mask_truncated: bool = False) -> Batch:
    """Lay samples out flat. With `mask_truncated`, responses that were cut at the limit train nothing."""
    rollouts = [sample.rollout for sample in samples]
    lengths = torch.tensor([len(rollout.response_ids) for rollout in rollouts], dtype=torch.long)
    off = [mask_truncated and rollout.finish == "length" for rollout in rollouts]
    return Batch(
        prompts=[rollout.prompt_ids for rollout in rollouts],
        responses=[rollout.response_ids for rollout in rollouts],
        seq=torch.repeat_interleave(torch.arange(len(rollouts)), lengths),
        mask=torch.tensor(
            [0 if cut else m for rollout, cut in zip(rollouts, off, strict=True) for m in rollout.mask],
            dtype=torch.long,
        ),
        sampler=torch.tensor([p for rollout in rollouts for p in rollout.logprobs], dtype=torch.float32),
        advantage=torch.repeat_interleave(
            torch.tensor([sample.advantage for sample in samples], dtype=torch.float32), lengths
        ),
    )


def micro_batches(batch: Batch, budget: int, sequences: Sequence[int] | None = None) -> list[list[int]]:
    """Sequences in groups of like length, each at most `budget` padded tokens (one sequence may exceed it).

    sequences: those to cut; by default all.
    """
    lengths = [len(p) + len(r) for p, r in zip(batch.prompts, batch.responses, strict=True)]
    groups: list[list[int]] = []
    widest = 0
    for i in sorted(range(len(lengths)) if sequences is None else sequences, key=lambda i: (-lengths[i], i)):
        if groups and (len(groups[-1]) + 1) * widest <= budget:
            groups[-1].append(i)
        else:
            groups.append([i])
            widest = lengths[i]
    return groups


def padded(batch: Batch, sequences: Sequence[int], pad: int) -> Inputs:
    """Sequences side by side, padded on the right."""
    rows = [batch.prompts[i] + batch.responses[i] for i in sequences]
    width = max(map(len, rows))
    return Inputs(
        ids=torch.tensor([row + (pad,) * (width - len(row)) for row in rows]),
        attention=torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows]),
        position=None,
        places=_predictors(batch, sequences, [row * width for row in range(len(rows))]),
        targets=_targets(batch, sequences),
    )


def end_to_end(batch: Batch, sequences: Sequence[int]) -> Inputs:
    """Sequences in one row without padding. Where the position starts again from 0, attention does too."""
    rows = [batch.prompts[i] + batch.responses[i] for i in sequences]
    lengths = torch.tensor([len(row) for row in rows])
    return Inputs(
        ids=torch.tensor([[token for row in rows for token in row]]),
        attention=None,
        position=torch.cat([torch.arange(length) for length in lengths.tolist()])[None],
        places=_predictors(batch, sequences, (lengths.cumsum(0) - lengths).tolist()),
        targets=_targets(batch, sequences),
    )


def _predictors(batch: Batch, sequences: Sequence[int], starts: Sequence[int]) -> Tensor:
    """The places before each response token, of sequences that start at these places."""
    spans = []
    for start, i in zip(starts, sequences, strict=True):
        first = start + len(batch.prompts[i]) - 1
        spans.append(torch.arange(first, first + len(batch.responses[i])))
    return torch.cat(spans)


def _targets(batch: Batch, sequences: Sequence[int]) -> Tensor:
    return torch.tensor([token for i in sequences for token in batch.responses[i]], dtype=torch.long)
