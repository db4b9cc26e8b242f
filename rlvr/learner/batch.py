"""Rollouts as flat packed tensors, and micro-batches cut from them under a budget of padded tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

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


def micro_batches(batch: Batch, budget: int) -> list[list[int]]:
    """Sequences in groups of like length, each at most `budget` padded tokens (one sequence may exceed it)."""
    lengths = [len(p) + len(r) for p, r in zip(batch.prompts, batch.responses, strict=True)]
    groups: list[list[int]] = []
    widest = 0
    for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if groups and (len(groups[-1]) + 1) * widest <= budget:
            groups[-1].append(i)
        else:
            groups.append([i])
            widest = lengths[i]
    return groups


def padded(batch: Batch, sequences: Sequence[int], pad: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Right-padded model input of some sequences.

    Returns ids (B, T), attention (B, T), and for every response token in order the flat place in (B * T) of the
    position that predicts it, and the token itself.
    """
    rows = [batch.prompts[i] + batch.responses[i] for i in sequences]
    width = max(map(len, rows))
    ids = torch.tensor([row + (pad,) * (width - len(row)) for row in rows])
    attention = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
    places = torch.cat(
        [torch.arange(len(batch.prompts[s]) - 1, len(rows[row]) - 1) + row * width for row, s in enumerate(sequences)]
    )
    targets = torch.tensor([token for s in sequences for token in batch.responses[s]])
    return ids, attention, places, targets
