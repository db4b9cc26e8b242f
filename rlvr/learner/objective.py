"""The configured objective: which of the losses, of which streams. Three streams of log-probabilities come together
here, the sampler's, the old policy's and the policy's now, and each has its place.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from rlvr.config import RL, Objective
from rlvr.learner import loss


@dataclass(frozen=True, slots=True)
class Streams:
    """What is known of the n tokens of a micro-batch. All (n,); only `logp` and `entropy` have a gradient."""

    logp: Tensor
    entropy: Tensor
    sampler: Tensor
    old: Tensor | None
    """The learner before the step; None where that is the learner now."""
    ref: Tensor | None
    advantage: Tensor
    weight: Tensor
    """0 for a token that is not trained."""
    seq: Tensor

    @property
    def trained(self) -> Tensor:
        return self.weight > 0

    def known(self, stream: Tensor) -> Tensor:
        """The stream, with the policy's own in place of tokens that are not trained: those may hold anything."""
        return torch.where(self.trained, stream, self.logp.detach())


def policy_loss(config: RL, streams: Streams) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of every token, and figures of every token (no gradient). Untrained tokens may hold anything."""
    objective = config.objective
    logp, sampler = streams.logp, streams.known(streams.sampler)
    learner = logp.detach() if streams.old is None else streams.known(streams.old)
    old = sampler if config.old == "sampler" else learner
    per_token = _surrogate(objective, streams, old)
    figures = _figures(objective, streams, old, sampler)
    if config.old == "learner":
        weight = _importance(objective, streams, old, sampler)
        per_token = per_token * weight
        figures["importance"] = weight
    if objective.stale_limit is not None:
        fresh = loss.fresh(logp, sampler, streams.advantage, streams.trained, streams.seq, objective.stale_limit)
        per_token = torch.where(fresh, per_token, 0.0)
        figures["left_behind"] = (~fresh).float()
    if objective.entropy:
        per_token = per_token - objective.entropy * streams.entropy
    if streams.ref is not None:
        ref = streams.known(streams.ref)
        figures["kl"] = loss.kl(logp, ref, "k3").detach()
        if objective.kl.place == "loss":
            per_token = per_token + objective.kl.beta * _kl(objective, logp, old, ref)
    return per_token, figures


def _surrogate(objective: Objective, streams: Streams, old: Tensor) -> Tensor:
    bounds = (streams.advantage, objective.clip_low, objective.clip_high)
    if objective.policy == "cispo":
        return loss.cispo(streams.logp, old, *bounds)
    if objective.policy == "gspo":
        return loss.clipped_ratio(loss.sequence_ratio(streams.logp, old, streams.trained, streams.seq), *bounds)
    return loss.clipped(streams.logp, old, *bounds, objective.dual_clip)


def _importance(objective: Objective, streams: Streams, old: Tensor, sampler: Tensor) -> Tensor:
    return loss.importance(
        old,
        sampler,
        streams.trained,
        streams.seq,
        objective.importance,
        objective.importance_level,
        objective.importance_floor,
        objective.importance_cap,
    )


def _kl(objective: Objective, logp: Tensor, old: Tensor, ref: Tensor) -> Tensor:
    """The term whose gradient is that of KL(policy || reference): k2, or k3 times the ratio."""
    estimate = loss.kl(logp, ref, objective.kl.estimator)
    return estimate if objective.kl.estimator == "k2" else loss.ratio(logp, old) * estimate


def _figures(objective: Objective, streams: Streams, old: Tensor, sampler: Tensor) -> dict[str, Tensor]:
    """From the ratios as they are, before anything is clipped or cut off."""
    with torch.no_grad():
        logp = streams.logp.detach()
        rho = loss.ratio(logp, old)
        if objective.policy == "gspo":
            rho = loss.sequence_ratio(logp, old, streams.trained, streams.seq)
        outside = (rho < 1 - objective.clip_low) | (rho > 1 + objective.clip_high)
        against = loss.uncut_importance(old, sampler, streams.trained, streams.seq, objective.importance_level)
        above, below = against > objective.importance_cap, against < objective.importance_floor
        cut = (above & (objective.importance != "none")) | (below & (objective.importance == "mask"))
        figures = {
            "entropy": streams.entropy.detach(),
            "sampler_kl": sampler - logp,
            "clip_share": outside.float(),
            "importance_cut": cut.float(),
        }
        if objective.dual_clip is not None:
            figures["dual_clip_share"] = ((streams.advantage < 0) & (rho > objective.dual_clip)).float()
        return figures
