"""The policy objective, token by token. Pure functions of `(N,)` tensors; the step sums `weight * loss`."""

import torch
from torch import Tensor

RATIO_CLAMP = 20.0
"""Log-ratios are clamped to this before `exp`, so that one absurd token cannot make an infinity."""


def ratio(logp: Tensor, old: Tensor) -> Tensor:
    """exp(logp - old), clamped."""
    return (logp - old).clamp(-RATIO_CLAMP, RATIO_CLAMP).exp()


def clipped(logp: Tensor, old: Tensor, advantage: Tensor, low: float, high: float) -> Tensor:
    """-min(rho A, clip(rho, 1 - low, 1 + high) A): PPO (arXiv 1707.06347) eq. 7, with DAPO's higher upper clip."""
    rho = ratio(logp, old)
    return -torch.minimum(rho * advantage, rho.clamp(1 - low, 1 + high) * advantage)


def importance(old: Tensor, sampler: Tensor, cap: float) -> Tensor:
    """min(exp(old - sampler), cap), detached: truncated importance sampling of the sampler's distribution."""
    return ratio(old, sampler).clamp(max=cap).detach()


def weights(mask: Tensor, seq: Tensor, aggregation: str, longest: int) -> Tensor:
    """The weight of every token, to be computed once over the whole optimizer step.

    mask: (N,) 1 for a trained token. seq: (N,) number of the sequence. longest: most tokens a response may have.
    token: 1/T. sequence: 1/(tokens of the sequence * sequences). constant: 1/(sequences * longest) (Dr. GRPO).
    """
    mask = mask.float()
    if aggregation == "token":
        return mask / mask.sum().clamp(min=1)
    lengths = torch.zeros(int(seq.max()) + 1 if len(seq) else 0, device=mask.device).index_add_(0, seq, mask)
    sequences = (lengths > 0).sum().clamp(min=1)
    if aggregation == "sequence":
        return mask / (lengths[seq].clamp(min=1) * sequences)
    return mask / (sequences * longest)
