"""The objectives, token by token. Pure functions of `(N,)` tensors; the step sums `weight * loss`.

Masked tokens may hold anything, even NaN: sums over a sequence pick the trained ones with `where`, since 0 * NaN is
no 0.
"""

import torch
from torch import Tensor

RATIO_CLAMP = 20.0
"""Log-ratios are clamped to this before `exp`, so that one absurd token cannot make an infinity."""


def ratio(logp: Tensor, old: Tensor) -> Tensor:
    """exp(logp - old), clamped."""
    return (logp - old).clamp(-RATIO_CLAMP, RATIO_CLAMP).exp()


def clipped_ratio(rho: Tensor, advantage: Tensor, low: float, high: float, dual: float | None = None) -> Tensor:
    """-min(rho A, clip(rho, 1 - low, 1 + high) A): PPO (arXiv 1707.06347) eq. 7, with DAPO's higher upper clip.

    dual: where A < 0, at most -dual A (arXiv 1912.09729 eq. 5).
    """
    loss = -torch.minimum(rho * advantage, rho.clamp(1 - low, 1 + high) * advantage)
    if dual is None:
        return loss
    return torch.where(advantage < 0, torch.minimum(loss, -dual * advantage), loss)


def clipped(logp: Tensor, old: Tensor, advantage: Tensor, low: float, high: float, dual: float | None = None) -> Tensor:
    """The clipped objective on each token's own ratio."""
    return clipped_ratio(ratio(logp, old), advantage, low, high, dual)


def cispo(logp: Tensor, old: Tensor, advantage: Tensor, low: float, high: float) -> Tensor:
    """-stop(clip(rho, 1 - low, 1 + high)) A logp: MiniMax-M1 (arXiv 2506.13585) eq. 4. The gradient is logp's alone."""
    return -ratio(logp, old).clamp(1 - low, 1 + high).detach() * advantage * logp


def sequence_ratio(logp: Tensor, old: Tensor, mask: Tensor, seq: Tensor) -> Tensor:
    """exp(mean over the sequence of logp - old), with the gradient of each token's logp: GSPO (arXiv 2507.18071) eq.
    14.

    mask: (N,) 1 for a trained token. seq: (N,) number of the sequence.
    """
    return (logp - logp.detach() + sequence_mean((logp - old).detach(), mask, seq)).clamp(max=RATIO_CLAMP).exp()


def sequence_sum(value: Tensor, mask: Tensor, seq: Tensor) -> Tensor:
    """(N,) each token's sequence's sum over its trained tokens."""
    picked = torch.where(mask > 0, value, 0.0)
    return _totals(picked, seq)[seq]


def sequence_mean(value: Tensor, mask: Tensor, seq: Tensor) -> Tensor:
    """(N,) each token's sequence's mean over its trained tokens; 0 where there is none."""
    return sequence_sum(value, mask, seq) / _totals((mask > 0).float(), seq)[seq].clamp(min=1)


def _totals(value: Tensor, seq: Tensor) -> Tensor:
    """(S,) sums by sequence."""
    size = int(seq.max()) + 1 if len(seq) else 0
    return torch.zeros(size, dtype=value.dtype, device=value.device).index_add_(0, seq, value)


def importance(
    old: Tensor, sampler: Tensor, mask: Tensor, seq: Tensor, kind: str, level: str, floor: float, cap: float
) -> Tensor:
    """Weight exp(old - sampler) that makes the sampler's tokens the old policy's, detached; 1 where the mask is 0.

    kind: `none` (1), `truncate` to the cap (TIS), `mask` to 0 outside [floor, cap] (IcePop). level: of the token, of
    the `sequence` (product), or `geometric` (its mean). `truncate` without a cap times PPO is decoupled PPO
    (arXiv 2505.24298 eq. 5).
    """
    if kind == "none":
        return torch.ones_like(old)
    weight = uncut_importance(old, sampler, mask, seq, level)
    if kind == "truncate":
        return weight.clamp(max=cap)
    return torch.where((weight >= floor) & (weight <= cap), weight, 0.0)


def uncut_importance(old: Tensor, sampler: Tensor, mask: Tensor, seq: Tensor, level: str) -> Tensor:
    """The weight of `importance` before anything is made of it."""
    gap = torch.where(mask > 0, old - sampler, 0.0).detach()
    if level != "token":
        gap = (sequence_sum if level == "sequence" else sequence_mean)(gap, mask, seq)
    return gap.clamp(-RATIO_CLAMP, RATIO_CLAMP).exp()


def fresh(logp: Tensor, sampler: Tensor, advantage: Tensor, mask: Tensor, seq: Tensor, limit: float) -> Tensor:
    """(N,) False in sequences of negative advantage that the policy has left: mean(sampler - logp) > limit.

    DeepSeek-V3.2 (arXiv 2512.02556) eq. 9. It is the sampler's stream that counts, not the old policy's.
    """
    return (advantage >= 0) | (sequence_mean((sampler - logp).detach(), mask, seq) <= limit)


def kl(logp: Tensor, ref: Tensor, estimator: str) -> Tensor:
    """Estimators of KL(policy || reference) at tokens of the policy, d = logp - ref (Schulman 2020).

    k1: d. k2: d^2/2. k3: exp(-d) - 1 + d. In the loss k1 has an expected gradient of 0, k2 the right one, and k3
    that of KL(reference || policy), unless each token's k3 is multiplied by its ratio.
    """
    gap = logp - ref
    if estimator == "k1":
        return gap
    if estimator == "k2":
        return 0.5 * gap * gap
    # Below the clamp the exponential goes on as a straight line, so that its gradient does not vanish there.
    bounded = gap.clamp(min=-RATIO_CLAMP)
    return torch.expm1(-bounded) * (1 + bounded - gap) + bounded


def value(now: Tensor, before: Tensor, target: Tensor, clip: float | None) -> Tensor:
    """max((V - R)^2, (clip(V, V_before -/+ clip) - R)^2) / 2: PPO's value loss. None does not clip."""
    loss = (now - target).square()
    if clip is not None:
        kept = before + (now - before).clamp(-clip, clip)
        loss = torch.maximum(loss, (kept - target).square())
    return 0.5 * loss


def weights(mask: Tensor, seq: Tensor, aggregation: str, longest: int) -> Tensor:
    """The weight of every token, to be computed once over the whole optimizer step.

    mask: (N,) 1 for a trained token. seq: (N,) number of the sequence. longest: most tokens a response may have.
    token: 1/T. sequence: 1/(tokens of the sequence * sequences). constant: 1/(sequences * longest) (Dr. GRPO).
    """
    mask = mask.float()
    if aggregation == "token":
        return mask / mask.sum().clamp(min=1)
    lengths = _totals(mask, seq)
    sequences = (lengths > 0).sum().clamp(min=1)
    if aggregation == "sequence":
        return mask / (lengths[seq].clamp(min=1) * sequences)
    return mask / (sequences * longest)
