"""The learner: owns model and optimizer, turns a batch of samples into one or more optimizer steps."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from rlvr.config import RL
from rlvr.learner import loss
from rlvr.learner.batch import Batch, micro_batches, pack, padded
from rlvr.learner.logprob import linear_logprob
from rlvr.samples import Sample


class Learner:
    """`version` counts the batches that the weights have been trained on."""

    def __init__(self, config: RL, device: str = "cpu") -> None:
        self.config = config
        self.model = AutoModelForCausalLM.from_pretrained(config.model, dtype="float32").to(device)
        self.model.eval()  # dropout off: sampler, old and current log-probabilities must be of one distribution
        self.device = device
        self.version = 0
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=config.optim.lr,
            betas=config.optim.betas,
            weight_decay=config.optim.weight_decay,
            fused=True,
        )

    def step(self, samples: Sequence[Sample]) -> dict[str, float]:
        """Train on one batch. An empty one only moves the version on, so that versions and batches stay aligned."""
        metrics: dict[str, float] = {"samples": float(len(samples))}
        for part in _split(samples, self.config.minibatches):
            metrics |= self._update(pack(part, mask_truncated=self.config.truncated == "mask"))
        self.version += 1
        return metrics

    def weights(self) -> dict[str, Any]:
        """Every parameter as a numpy array on the CPU. It has no bfloat16: such weights go as fp32, exactly."""
        return {name: _array(value.detach().cpu()) for name, value in self.model.named_parameters()}

    def _update(self, batch: Batch) -> dict[str, float]:
        config = self.config
        weight = loss.weights(batch.mask, batch.seq, config.objective.aggregation, config.sampling.max_tokens)
        totals = torch.zeros(4, dtype=torch.float64)
        self.optimizer.zero_grad(set_to_none=True)
        for sequences in micro_batches(batch, config.micro_batch_tokens):
            totals += self._backward(batch, sequences, weight)
        norm = float(torch.nn.utils.clip_grad_norm_(self.model.parameters(), config.optim.max_grad_norm))
        rate = learning_rate(config, self.version)
        if math.isfinite(norm) and batch.mask.any():  # with nothing to train, momentum alone would move the weights
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            self.optimizer.step()
        value, entropy, kl, clipped = totals.tolist()
        return {
            "loss": value,
            "entropy": entropy,
            "sampler_kl": kl,
            "clip_share": clipped,
            "grad_norm": norm,
            "lr": rate,
            "skipped": float(not math.isfinite(norm)),
            "tokens": float(batch.mask.sum()),
        }

    def _backward(self, batch: Batch, sequences: list[int], weight: Tensor) -> Tensor:
        """Add the gradient of some sequences; returns their weighted loss, entropy, KL to the sampler, clip share."""
        objective = self.config.objective
        tokens = batch.tokens_of(sequences)
        logp, entropy = self._logprobs(batch, sequences)
        sampler, advantage, w = (x[tokens].to(self.device) for x in (batch.sampler, batch.advantage, weight))
        # What the sampler says of a token that is not trained may be anything, even NaN, and 0 * NaN is no 0.
        sampler = torch.where(w > 0, sampler, logp.detach())
        # One optimizer step a batch: the learner before the step is the learner now, and its own forward is `old`.
        # With several, the sampler's stream takes that place, as its weights were the learner's before the first.
        old = logp.detach() if self.config.minibatches == 1 else sampler
        per_token = loss.clipped(logp, old, advantage, objective.clip_low, objective.clip_high)
        if self.config.minibatches == 1:
            per_token = per_token * loss.importance(old, sampler, objective.importance_cap)
        total = torch.where(w > 0, w * per_token, 0.0).sum()
        total.backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            rho = loss.ratio(logp, old)
            outside = ((rho < 1 - objective.clip_low) | (rho > 1 + objective.clip_high)).float()
            share = (w > 0).float() / max(float((batch.mask > 0).sum()), 1.0)
            kinds = [total.detach(), (share * entropy).sum(), (share * (sampler - logp)).sum(), (share * outside).sum()]
            return torch.stack(kinds).double().cpu()

    def _logprobs(self, batch: Batch, sequences: list[int]) -> tuple[Tensor, Tensor]:
        """Log-probabilities and entropies (n,) of these sequences' response tokens, at the sampling temperature."""
        ids, attention, places, targets = (x.to(self.device) for x in padded(batch, sequences, pad=0))
        hidden = self.model.base_model(input_ids=ids, attention_mask=attention, use_cache=False).last_hidden_state
        head = self.model.get_output_embeddings().weight
        return linear_logprob(hidden.flatten(0, 1)[places], head, targets, self.config.sampling.temperature)

    def save(self, folder: Path) -> None:
        """Optimizer, version and weights, for `restore`."""
        state = {"version": self.version, "model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        torch.save(state, folder / "learner.pt")

    def restore(self, folder: Path) -> None:
        state = torch.load(folder / "learner.pt", map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.version = state["version"]


def learning_rate(config: RL, version: int) -> float:
    """Linear warm-up, then constant, or down to a tenth at the last step."""
    optim = config.optim
    rate = optim.lr * min(1.0, (version + 1) / max(1, optim.warmup_steps))
    done = min(1.0, version / config.steps)
    if optim.schedule == "linear":
        return rate * (1 - 0.9 * done)
    if optim.schedule == "cosine":
        return rate * (0.1 + 0.45 * (1 + math.cos(math.pi * done)))
    return rate


def _array(value: Tensor) -> Any:
    return (value.float() if value.dtype == torch.bfloat16 else value).numpy()


def _split(samples: Sequence[Sample], parts: int) -> list[Sequence[Sample]]:
    """Even parts, in order; none is empty."""
    size = math.ceil(len(samples) / parts) if samples else 1
    return [samples[start : start + size] for start in range(0, len(samples), size)]
