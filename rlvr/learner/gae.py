"""Advantages from a critic: token by token, over flat tensors. Leaves out: bootstrapping beyond a response's end."""

import torch
from torch import Tensor


def gae(reward: Tensor, value: Tensor, mask: Tensor, seq: Tensor, gamma: float, lam: float) -> tuple[Tensor, Tensor]:
    """Generalised advantage estimates and returns, both (N,) fp32: arXiv 1506.02438 eq. 16.

    reward, value: (N,) of each token. mask: (N,) 1 for a trained token. seq: (N,) ascending number of the sequence. A
    token that is not trained is stepped over, so that what a tool put in between does not cut credit; it gets 0. The
    value after the last trained token is 0: a response is an episode.
    """
    trained = mask > 0
    advantage = torch.zeros_like(value, dtype=torch.float64)
    at = trained.nonzero()[:, 0]
    if len(at):
        advantage[at] = _backwards(reward[at].double(), value[at].double(), seq[at], gamma, lam)
    returns = torch.where(trained, advantage + value, 0.0)
    return advantage.float(), returns.float()


def _backwards(reward: Tensor, value: Tensor, seq: Tensor, gamma: float, lam: float) -> Tensor:
    """All sequences at once, from their last tokens to their first."""
    _, row, lengths = torch.unique_consecutive(seq, return_inverse=True, return_counts=True)
    column = torch.arange(len(seq), device=seq.device) - (lengths.cumsum(0) - lengths)[row]
    width = int(lengths.max())
    rewards, values = value.new_zeros(len(lengths), width), value.new_zeros(len(lengths), width + 1)
    rewards[row, column], values[row, column] = reward, value
    surprise = rewards + gamma * values[:, 1:] - values[:, :-1]
    advantage = torch.zeros_like(rewards)
    running = value.new_zeros(len(lengths))
    for place in range(width - 1, -1, -1):
        # A column beyond a row's end has no reward and no value, so nothing runs in from it.
        running = surprise[:, place] + gamma * lam * running
        advantage[:, place] = running
    return advantage[row, column]


def whiten(value: Tensor, mask: Tensor, shift: bool = True, epsilon: float = 1e-8) -> Tensor:
    """(value - mean) / sqrt(var + epsilon) over the trained tokens, unbiased; 0 elsewhere. Without `shift` the mean
    stays.

    Fewer than two trained tokens have no variance, and are only shifted.
    """
    trained = mask > 0
    picked = value[trained].double()
    if len(picked) == 0:
        return torch.zeros_like(value)
    mean = picked.mean()
    spread = (picked.var() + epsilon).sqrt() if len(picked) > 1 else picked.new_ones(())
    scaled = (value.double() - mean) / spread + (0.0 if shift else mean)
    return torch.where(trained, scaled, 0.0).to(value.dtype)


def at_last(reward: Tensor, mask: Tensor, seq: Tensor) -> Tensor:
    """(N,) each sequence's reward (S,) at its last trained token, 0 elsewhere."""
    at = (mask > 0).nonzero()[:, 0]
    last = torch.full((len(reward),), -1, device=seq.device).scatter_reduce_(0, seq[at], at, "amax")
    placed = torch.zeros(len(mask), dtype=reward.dtype, device=reward.device)
    has = last >= 0
    placed[last[has]] = reward[has]
    return placed
