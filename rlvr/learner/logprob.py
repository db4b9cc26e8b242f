"""Log-probabilities of chosen tokens straight from hidden states, a chunk of rows at a time.

The logits of all tokens at once would be the largest tensor of a step (16k tokens of a 152k vocabulary: 10 GB). Here
they live for one chunk, and the backward pass makes them again. Log-softmax is in fp32 whatever the model's type.
"""

from typing import Any

import torch
from torch import Tensor

CHUNK = 1024
"""Most rows whose logits are held at once."""
CHUNK_LOGITS = 1 << 22
"""Most logits that are held at once, in as few as 64 rows: 16 MiB of fp32, which is also what a CPU's cache likes."""


class _LinearLogprob(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, head: Tensor, target: Tensor, temperature: Tensor, chunk: int, bonus: bool
    ) -> tuple[Tensor, Tensor]:
        logp = torch.empty(hidden.shape[0], dtype=torch.float32, device=hidden.device)
        entropy = torch.empty_like(logp)
        lse = torch.empty_like(logp)
        for rows in _chunks(hidden.shape[0], chunk):
            logits = _logits(hidden[rows], head, temperature[rows])
            lse[rows] = logits.logsumexp(-1)
            logp[rows] = logits.gather(1, target[rows, None])[:, 0] - lse[rows]
            # A plain softmax, not exp(logits - lse): one pass, and this number steers nothing but the bonus.
            entropy[rows] = lse[rows] - torch.linalg.vecdot(logits.softmax(-1), logits)
        ctx.save_for_backward(hidden, head, target, temperature, lse, entropy)
        ctx.chunk, ctx.bonus = chunk, bonus
        if not bonus:
            ctx.mark_non_differentiable(entropy)
        return logp, entropy

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None, None, None]:
        hidden, head, target, temperature, lse, entropy = ctx.saved_tensors
        grad_hidden, grad_head = torch.empty_like(hidden), torch.zeros_like(head, dtype=torch.float32)
        for rows in _chunks(hidden.shape[0], ctx.chunk):
            # d logp / d logits = onehot - p, and d entropy / d logits = -p (log p + entropy)
            logp = _logits(hidden[rows], head, temperature[rows]).sub_(lse[rows, None])
            slope = logp.exp().neg_() if ctx.bonus else logp.exp_().neg_()
            bonus = slope * (logp + entropy[rows, None]) if ctx.bonus else None
            slope.scatter_add_(1, target[rows, None], torch.ones_like(slope[:, :1]))
            slope *= (grads[0][rows] / temperature[rows])[:, None]
            if bonus is not None:
                slope += bonus * (grads[1][rows] / temperature[rows])[:, None]
            grad_hidden[rows] = (slope.to(head.dtype) @ head).to(hidden.dtype)
            grad_head += (slope.to(head.dtype).T @ hidden[rows]).float()
        return grad_hidden, grad_head.to(head.dtype), None, None, None, None


def _chunks(rows: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, rows)) for start in range(0, rows, size)]


def _logits(hidden: Tensor, head: Tensor, temperature: Tensor) -> Tensor:
    return (hidden @ head.T).float().div_(temperature[:, None])


def linear_logprob(
    hidden: Tensor,
    head: Tensor,
    target: Tensor,
    temperature: Tensor | float = 1.0,
    chunk: int | None = None,
    entropy_gradient: bool = False,
) -> tuple[Tensor, Tensor]:
    """Log-probability of each target and the entropy of its distribution, both `(N,)` fp32.

    hidden: (N, H) last hidden states. head: (V, H) output embedding of the same type. target: (N,) token ids.
    temperature: of all, or (N,). chunk: rows at a time; it does not change the result beyond rounding. Gradients flow
    through the log-probabilities, and through the entropies if so asked.
    """
    if not isinstance(temperature, Tensor):
        temperature = torch.full(hidden.shape[:1], temperature, device=hidden.device)
    rows = chunk or min(CHUNK, max(64, CHUNK_LOGITS // head.shape[0]))
    logp, entropy = _LinearLogprob.apply(  # type: ignore[no-untyped-call]
        hidden, head, target, temperature.float(), rows, entropy_gradient
    )
    return logp, entropy
