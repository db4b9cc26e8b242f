"""What a run needs before it starts: memory by arithmetic, seconds a step by a short measurement and a simulation."""

import random
import time
from dataclasses import dataclass
from typing import Any

from rlvr.config import RL
from rlvr.errors import UserError
from rlvr.planning.simulate import Forecast, Rates, forecast

LAGS = (0, 1, 2, 4)
FP32 = 4
ACTIVATIONS = 16
"""Numbers of a layer's width that a token keeps in a layer for the backward pass, about; recomputed, it keeps one."""
SAMPLED = 64
"""Responses of the measurement."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes, of the first rank."""

    weights: float
    optimizer: float
    """Gradients and AdamW's two moments."""
    activations: float
    engine: float

    @property
    def total(self) -> float:
        return self.weights + self.optimizer + self.activations + self.engine


def memory(config: RL, model: Any) -> Memory:
    """Of a model given by its transformers configuration. An estimate: caches and fragments come on top."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        parameters = list(AutoModelForCausalLM.from_config(model).parameters())
    size = float(sum(p.numel() for p in parameters))
    scale = config.scale
    ranks = scale.ranks if scale.shard else 1
    narrow = 2 if scale.dtype == "bfloat16" else FP32
    trained = size
    if scale.lora:
        trained = float(sum(scale.lora.rank * sum(p.shape) for p in parameters if p.dim() == 2))
    critic = size if config.critic else 0.0
    reference = size if config.objective.kl.beta and not scale.lora else 0.0
    width = model.hidden_size * (1 if scale.recompute else ACTIVATIONS)
    return Memory(
        weights=(FP32 * (size + critic + reference) + (narrow * size if narrow != FP32 else 0)) / ranks,
        optimizer=3 * FP32 * (trained + critic) / ranks,
        activations=float(config.micro_batch_tokens * model.num_hidden_layers * width * narrow),
        engine=narrow * size / config.engine.tensor_parallel,
    )


@dataclass(frozen=True, slots=True)
class Measured:
    """On this machine, with this model."""

    sampled_per_s: float
    """Tokens of all slots together."""
    learned_per_s: float
    sync_s: float
    lengths: list[int]

    def forecasts(self, config: RL) -> list[Forecast]:
        """What a step would take at each of `LAGS`."""
        slots = config.engine_batch * config.engine.replicas
        each = self.sampled_per_s / min(slots, SAMPLED)
        batch = config.prompts_per_step * config.group_size
        learn = batch * sum(self.lengths) / len(self.lengths) / self.learned_per_s

        def response(rng: random.Random) -> float:
            return rng.choice(self.lengths) / each

        return [forecast(Rates(batch, slots, response, learn, self.sync_s), lag) for lag in LAGS]


def measure(config: RL) -> Measured:
    """Sample some responses and train on them, without a grader. Raises UserError when no prompt fits."""
    from rlvr.actors import device_of, set_threads
    from rlvr.chat import encode_prompts
    from rlvr.engines.transformers import TransformersEngine
    from rlvr.learner.ranks import Ranks
    from rlvr.learner.step import Learner
    from rlvr.samples import Request, Sample
    from rlvr.tasks.sources import load_tasks

    set_threads(config.compute)
    device = device_of(config.compute)
    engine = TransformersEngine(config.model, config.engine_batch, device)
    prompts, _ = encode_prompts(
        engine.tokenizer, load_tasks(config.tasks.train, limit=SAMPLED), config.max_prompt_tokens
    )
    if not prompts:
        raise UserError(f"tasks.train: no prompt is within max_prompt_tokens ({config.max_prompt_tokens})")
    requests = [Request(str(i), prompts[i % len(prompts)].ids, i) for i in range(SAMPLED)]
    engine.generate(requests[:2], config.sampling)
    start = time.perf_counter()
    rollouts = engine.generate(requests, config.sampling)
    sampled = time.perf_counter() - start
    learner = Learner(config, Ranks(device=device))
    batch = [Sample(rollout, (-1.0) ** i, float(i % 2)) for i, rollout in enumerate(rollouts)]
    learner.step(batch[:2])
    start = time.perf_counter()
    learner.step(batch)
    learned = time.perf_counter() - start
    start = time.perf_counter()
    engine._take_over(learner.weights(), 1)
    sync = time.perf_counter() - start
    lengths = [len(rollout.response_ids) for rollout in rollouts]
    return Measured(sum(lengths) / sampled, sum(lengths) / learned, sync, lengths)
