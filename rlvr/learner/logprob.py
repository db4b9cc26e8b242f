"""Log-probabilities of chosen tokens straight from hidden states, a chunk of rows at a time.

The logits of all tokens at once would be the largest tensor of a step (16k tokens of a 152k vocabulary: 10 GB). Here
they live for one chunk, and the backward pass makes them again. Log-softmax is in fp32 whatever the model's type.
"""

from typing import Any

import torch
from torch import Tensor

CHUNK = 1024
"""Rows whose logits are held at once."""


class _LinearLogprob(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, head: Tensor, target: Tensor, temperature: float, chunk: int
    ) -> tuple[Tensor, Tensor]:
        logp = torch.empty(hidden.shape[0], dtype=torch.float32, device=hidden.device)
        entropy = torch.empty_like(logp)
        lse = torch.empty_like(logp)
        for rows in _chunks(hidden.shape[0], chunk):
            logits = _logits(hidden[rows], head, temperature)
            lse[rows] = logits.logsumexp(-1)
            logp[rows] = logits.gather(1, target[rows, None])[:, 0] - lse[rows]
            entropy[rows] = lse[rows] - ((logits - lse[rows, None]).exp() * logits).sum(-1)
        ctx.save_for_backward(hidden, head, target, lse)
        ctx.temperature, ctx.chunk = temperature, chunk
        ctx.mark_non_differentiable(entropy)
        return logp, entropy

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        hidden, head, target, lse = ctx.saved_tensors
        grad_hidden, grad_head = torch.empty_like(hidden), torch.zeros_like(head, dtype=torch.float32)
        for rows in _chunks(hidden.shape[0], ctx.chunk):
            # d logp / d logits = onehot - softmax
            slope = (_logits(hidden[rows], head, ctx.temperature) - lse[rows, None]).exp().neg_()
            slope.scatter_add_(1, target[rows, None], torch.ones_like(slope[:, :1]))
            slope *= (grads[0][rows] / ctx.temperature)[:, None]
            grad_hidden[rows] = (slope.to(head.dtype) @ head).to(hidden.dtype)
            grad_head += slope.T @ hidden[rows].float()
        return grad_hidden, grad_head.to(head.dtype), None, None, None


def _chunks(rows: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, rows)) for start in range(0, rows, size)]


def _logits(hidden: Tensor, head: Tensor, temperature: float) -> Tensor:
    return (hidden @ head.T).float().div_(temperature)


def linear_logprob(
    hidden: Tensor, head: Tensor, target: Tensor, temperature: float = 1.0, chunk: int = CHUNK
) -> tuple[Tensor, Tensor]:
    """Log-probability of each target and the entropy of its distribution, both `(N,)` fp32.

    hidden: (N, H) last hidden states. head: (V, H) output embedding. target: (N,) token ids. Gradients flow through
    the log-probabilities only.
    """
    logp, entropy = _LinearLogprob.apply(hidden, head, target, temperature, chunk)  # type: ignore[no-untyped-call]
    return logp, entropy
