"""The learner: owns models and optimizers, turns a batch of samples into one or more optimizer steps.

Everything that is normalised is so over the whole optimizer step, before any of it is computed: the loss of a
micro-batch is a plain sum of `weight * loss`, and sums over micro-batches and ranks add up to the objective.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from rlvr import sync
from rlvr.config import RL, Optim
from rlvr.learner import loss, policy
from rlvr.learner.advantage import by_group
from rlvr.learner.batch import Batch, Inputs, end_to_end, micro_batches, pack, padded
from rlvr.learner.gae import at_last, gae, whiten
from rlvr.learner.objective import Streams, policy_loss
from rlvr.learner.ranks import Ranks
from rlvr.samples import Sample


@dataclass(frozen=True, slots=True)
class Before:
    """What the models said of a batch before its first optimizer step. All (N,) fp32, None if not asked for."""

    old: Tensor | None = None
    ref: Tensor | None = None
    value: Tensor | None = None
    returns: Tensor | None = None


class Learner:
    """`version` counts the batches that the weights have been trained on. Every rank makes the same calls."""

    def __init__(self, config: RL, ranks: Ranks | None = None) -> None:
        self.config = config
        self.ranks = ranks or Ranks()
        self.version = 0
        torch.manual_seed(config.seed)  # for adapters and heads that start from nothing
        scale = config.scale
        self.policy = policy.load_policy(config.model, scale, scale.lora)
        self.models: dict[str, policy.Policy | policy.Values] = {"policy": self.policy}
        if config.critic:
            self.models["critic"] = policy.load_critic(config.critic, config.model, scale)
        self.reference = self.policy
        if config.objective.kl.beta and not scale.lora:
            self.reference = policy.load_policy(config.model, scale).requires_grad_(False)
            policy.prepare(self.reference, scale, self.ranks)
        for module in self.models.values():
            policy.prepare(module, scale, self.ranks)
        optims = {"policy": config.optim} | ({"critic": config.critic.optim} if config.critic else {})
        self.optimizers = {name: _adamw(self.models[name], optim) for name, optim in optims.items()}

    @property
    def model(self) -> Any:
        """The policy's Hugging Face model."""
        return self.policy.model

    def step(self, samples: Sequence[Sample]) -> dict[str, float]:
        """Train on one batch. An empty one only moves the version on, so that versions and batches stay aligned.

        Figures are means over all trained tokens of all optimizer steps.
        """
        batch = pack(samples, mask_truncated=self.config.truncated == "mask")
        tokens, sums, skipped = dict[str, float](), dict[str, float](), 0
        if batch.mask.any():
            batch, before = self._look(batch, samples)
            for _ in range(self.config.epochs):
                for part in _split(range(len(samples)), self.config.minibatches):
                    weight = self._weights(batch, part)
                    done, moved = self._update(batch, before, part, weight)
                    _add(sums, done)
                    _add(tokens, dict.fromkeys(done, float((weight > 0).sum())))
                    skipped += not moved
        rate = learning_rate(self.config, self.config.optim, self.version)
        self.version += 1
        return {
            "samples": float(len(samples)),
            "tokens": float(batch.mask.sum()),
            "skipped": float(skipped),
            "lr": rate,
            **{name: total / max(tokens[name], 1.0) for name, total in sums.items()},
            "fingerprint": self.fingerprint(),
        }

    def logprobs(self, samples: Sequence[Sample]) -> Tensor:
        """(N,) fp32 log-probability of every response token under the policy now, at the sampling temperature."""
        return self._everywhere(pack(samples), partial(_logp, self.policy, self.config.sampling.temperature))

    def weights(self) -> dict[str, Any]:
        """Every parameter as an fp32 numpy array on the CPU, adapters merged in. On ranks but the first: nothing."""
        whole = policy.weights(self.policy)
        return {name: value.numpy() for name, value in whole if self.ranks.first}

    def fingerprint(self) -> float:
        """A number of 52 bits that says whether two learners have the same parameters, bit for bit."""
        trained = [p for model in self.models.values() for p in model.parameters() if p.requires_grad]
        shards = [p.to_local() if hasattr(p, "to_local") else p for p in trained]
        found = torch.tensor(sync.fingerprint(shards) & ((1 << 52) - 1))
        if any(hasattr(parameter, "to_local") for parameter in trained):
            found = self.ranks.sum(found)
        return float(int(found) & ((1 << 52) - 1))

    def _look(self, batch: Batch, samples: Sequence[Sample]) -> tuple[Batch, Before]:
        """What the objective needs to know of the batch beforehand, and the batch with its advantages settled."""
        config, kl = self.config, self.config.objective.kl
        ask = partial(self._everywhere, batch)
        in_reward = kl.beta > 0 and kl.place == "reward"
        old = ref = None
        if config.old == "learner" and (config.updates > 1 or in_reward):
            old = ask(partial(_logp, self.policy, config.sampling.temperature))
        if kl.beta:
            with policy.without_adapters(self.reference):
                ref = ask(partial(_logp, self.reference, config.sampling.temperature))
        penalty = torch.zeros_like(batch.advantage)
        if in_reward and ref is not None:
            before = batch.sampler if old is None else old
            penalty = torch.where(batch.mask > 0, kl.beta * loss.kl(before, ref, "k1"), 0.0)
        rewards = torch.tensor([sample.reward for sample in samples], dtype=torch.float32)
        if config.critic:
            value = ask(_values(self.models["critic"]))
            given = at_last(rewards, batch.mask, batch.seq) - penalty
            advantage, returns = gae(given, value, batch.mask, batch.seq, config.critic.gamma, config.critic.lam)
            batch = batch.with_advantage(whiten(advantage, batch.mask) if config.critic.whiten else advantage)
            return batch, Before(old, ref, value, returns)
        if in_reward:
            less = rewards - torch.zeros(len(samples)).index_add_(0, batch.seq, penalty)
            names = [sample.rollout.id.rpartition("/")[0] for sample in samples]
            advantages = by_group(names, less.tolist(), config.objective.advantage)
            batch = batch.with_advantage(torch.tensor(advantages, dtype=torch.float32)[batch.seq])
        return batch, Before(old, ref)

    def _weights(self, batch: Batch, sequences: Sequence[int]) -> Tensor:
        inside = torch.zeros(len(batch.prompts), dtype=torch.long).index_fill_(0, torch.tensor(sequences), 1)
        mask = batch.mask * inside[batch.seq]
        return loss.weights(mask, batch.seq, self.config.objective.aggregation, self.config.sampling.max_tokens)

    def _update(
        self, batch: Batch, before: Before, sequences: Sequence[int], weight: Tensor
    ) -> tuple[dict[str, float], bool]:
        """One optimizer step of each model on some sequences, unless a gradient is not finite.

        Returns figures summed over its trained tokens, and whether the step was taken.
        """
        sums: dict[str, float] = {}
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        for cut in self.ranks.share(micro_batches(batch, self.config.micro_batch_tokens, sequences)):
            _add(sums, self._backward(batch, before, cut or [sequences[0]], weight if cut else 0 * weight))
        totals = self.ranks.sum(torch.tensor(list(sums.values()), dtype=torch.float64)).tolist()
        norms = {name: self._clip(name) for name in self.models}
        finite, tokens = all(map(math.isfinite, norms.values())), float((weight > 0).sum())
        if finite and tokens:  # with nothing to train, momentum alone would move the weights
            self._move()
        known = {name: norm * tokens for name, norm in norms.items() if math.isfinite(norm)}
        names = {"policy": "grad_norm", "critic": "critic_grad_norm"}
        return dict(zip(sums, totals, strict=True)) | {names[name]: norm for name, norm in known.items()}, finite

    def _backward(self, batch: Batch, before: Before, cut: list[int], weights: Tensor) -> dict[str, float]:
        """Add the gradients of some sequences; returns sums of figures over their trained tokens."""
        config, at = self.config, batch.tokens_of(cut)

        def pick(stream: Tensor | None) -> Tensor | None:
            return None if stream is None else stream[at].to(self.ranks.device)

        inputs = self._inputs(batch, cut)
        weight, advantage, sampler, seq = (
            x[at].to(self.ranks.device) for x in (weights, batch.advantage, batch.sampler, batch.seq)
        )
        trained = weight > 0
        logp, entropy = self.policy(inputs, config.sampling.temperature, config.objective.entropy > 0)
        streams = Streams(logp, entropy, sampler, pick(before.old), pick(before.ref), advantage, weight, seq)
        per_token, figures = policy_loss(config, streams)
        total = torch.where(trained, weight * per_token, 0.0).sum()
        self._descend(total)
        tokens = float((weights > 0).sum())
        sums = {name: torch.where(trained, figure, 0.0).sum() for name, figure in figures.items()}
        sums["loss"] = total.detach() * tokens
        if config.critic:
            value, earlier, returns = self.models["critic"](inputs), pick(before.value), pick(before.returns)
            assert earlier is not None
            assert returns is not None
            worse = loss.value(value, earlier, returns, config.critic.clip)
            total = torch.where(trained, weight * worse, 0.0).sum()
            self._descend(total)
            sums["value_loss"] = total.detach() * tokens
        return dict(zip(sums, torch.stack(list(sums.values())).tolist(), strict=True))

    def _descend(self, total: Tensor) -> None:
        """Sharded gradients come out as the mean over ranks, where the objective asks for their sum."""
        mean = self.config.scale.shard and self.ranks.size > 1
        (total * (self.ranks.size if mean else 1)).backward()  # type: ignore[no-untyped-call]

    def _clip(self, name: str) -> float:
        """The norm of the model's whole gradient, before it is clipped."""
        optim = self.config.critic.optim if name == "critic" and self.config.critic else self.config.optim
        self.ranks.sum_gradients(self.models[name].parameters())
        norm = nn.utils.clip_grad_norm_(self.models[name].parameters(), optim.max_grad_norm)
        return float(norm.full_tensor() if hasattr(norm, "full_tensor") else norm)

    def _move(self) -> None:
        for name, optimizer in self.optimizers.items():
            optim = self.config.critic.optim if name == "critic" and self.config.critic else self.config.optim
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(self.config, optim, self.version)
            optimizer.step()

    @torch.no_grad()
    def _everywhere(self, batch: Batch, ask: Callable[[Inputs], Tensor]) -> Tensor:
        """(N,) fp32: what a model answers for every response token of the batch, without gradients."""
        answers = torch.zeros_like(batch.sampler)
        for cut in self.ranks.share(micro_batches(batch, self.config.micro_batch_tokens)):
            answer = ask(self._inputs(batch, cut or [0]))
            if cut:
                answers[batch.tokens_of(cut)] = answer.cpu()
        return self.ranks.sum(answers)

    def _inputs(self, batch: Batch, cut: list[int]) -> Inputs:
        packed = self.config.scale.layout == "packed"
        return (end_to_end(batch, cut) if packed else padded(batch, cut, pad=0)).to(self.ranks.device)


def _add(into: dict[str, float], more: Mapping[str, float]) -> None:
    for name, value in more.items():
        into[name] = into.get(name, 0.0) + value


def _logp(model: policy.Policy, temperature: float, inputs: Inputs) -> Tensor:
    logp: Tensor = model(inputs, temperature)[0]
    return logp


def _values(critic: Callable[[Inputs], Tensor]) -> Callable[[Inputs], Tensor]:
    return critic


def _adamw(model: nn.Module, optim: Optim) -> torch.optim.AdamW:
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return torch.optim.AdamW(parameters, lr=optim.lr, betas=optim.betas, weight_decay=optim.weight_decay, fused=True)


def learning_rate(config: RL, optim: Optim, version: int) -> float:
    """Linear warm-up, then constant, or down to a tenth at the last step."""
    rate = optim.lr * min(1.0, (version + 1) / max(1, optim.warmup_steps))
    done = min(1.0, version / config.steps)
    if optim.schedule == "linear":
        return rate * (1 - 0.9 * done)
    if optim.schedule == "cosine":
        return rate * (0.1 + 0.45 * (1 + math.cos(math.pi * done)))
    return rate


def _split(sequences: Sequence[int], parts: int) -> list[Sequence[int]]:
    """Even parts, in order; none is empty."""
    size = math.ceil(len(sequences) / parts)
    return [sequences[start : start + size] for start in range(0, len(sequences), size)]
