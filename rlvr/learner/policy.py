"""The models of a learner: policy, critic and reference, as they are computed on one rank or sharded over several.

Parameters are fp32 masters; a forward pass may run in bfloat16. Leaves out: models whose logits are more than a matrix
times the last hidden state, which are refused.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

from rlvr.config import Critic, Lora, Scale
from rlvr.errors import UserError
from rlvr.learner.batch import Inputs
from rlvr.learner.logprob import linear_logprob
from rlvr.learner.ranks import Ranks

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
TRANSFORMED_LOGITS = ("final_logit_softcapping", "logit_scale", "logits_scaling")
"""Settings of models that change their logits after the output embedding."""


class Policy(nn.Module):
    """A causal language model that answers with log-probabilities. `model` is the Hugging Face one inside."""

    def __init__(self, model: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.model: Any = model
        self.dtype = dtype

    def forward(self, inputs: Inputs, temperature: float, bonus: bool = False) -> tuple[Tensor, Tensor]:
        """Log-probabilities and entropies (n,) of the inputs' targets; entropies have a gradient with `bonus`."""
        hidden = _hidden(self.model, inputs, self.dtype)
        head = self.model.get_output_embeddings().weight.to(self.dtype)
        return linear_logprob(hidden, head, inputs.targets, temperature, entropy_gradient=bonus)


class Values(nn.Module):
    """A model with one number for an answer: a critic."""

    def __init__(self, model: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.model: Any = model
        self.dtype = dtype

    def forward(self, inputs: Inputs) -> Tensor:
        """(n,) fp32 value of the state before each target. The sampling temperature is none of its business."""
        hidden = _hidden(self.model, inputs, self.dtype)
        head: Tensor = self.model.score.weight
        return (hidden @ head.to(self.dtype).T)[:, 0].float()


def _hidden(model: Any, inputs: Inputs, dtype: torch.dtype) -> Tensor:
    """(n, H) last hidden states, of that type, at the places that predict."""
    given = {"attention_mask": inputs.attention, "position_ids": inputs.position}
    known = {name: tensor for name, tensor in given.items() if tensor is not None}
    with torch.autocast(inputs.ids.device.type, dtype, enabled=dtype != torch.float32):
        states = model.base_model(input_ids=inputs.ids, use_cache=False, **known).last_hidden_state
    return states.flatten(0, 1)[inputs.places].to(dtype)  # type: ignore[no-any-return]


def load_policy(name: str, scale: Scale, lora: Lora | None = None) -> Policy:
    """The checkpoint in fp32, with fresh adapters if so asked. Raises UserError for a model that is not supported."""
    model = AutoModelForCausalLM.from_pretrained(name, dtype="float32", attn_implementation=scale.attention)
    changed = [key for key in TRANSFORMED_LOGITS if getattr(model.config, key, None) not in (None, 1, 1.0)]
    head = model.get_output_embeddings()
    if changed or getattr(head, "bias", None) is not None:
        raise UserError(
            f"model: {name} changes its logits after the output embedding ({', '.join(changed) or 'bias'}), which the "
            "learner does not support; expected a model such as Llama, Qwen, Mistral or OLMo"
        )
    if lora:
        from peft import LoraConfig, inject_adapter_in_model

        settings = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules="all-linear", lora_dropout=0.0)
        model = inject_adapter_in_model(settings, model)
    return Policy(model, DTYPES[scale.dtype])


def load_critic(config: Critic, policy: str, scale: Scale) -> Values:
    """The reward model, or the policy's weights with a head of zeros, which values everything 0 at first."""
    model = AutoModelForSequenceClassification.from_pretrained(
        config.model or policy, num_labels=1, dtype="float32", attn_implementation=scale.attention
    )
    if not config.model:
        nn.init.zeros_(model.score.weight)
    return Values(model, DTYPES[scale.dtype])


def prepare(module: nn.Module, scale: Scale, ranks: Ranks) -> None:
    """Move to the rank's device; recompute, compile and shard as the configuration says. In place.

    Dropout is off: sampler, old and current log-probabilities must be of one distribution.
    """
    module.to(ranks.device)
    model: Any = module.model
    if scale.recompute:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    # Transformers recomputes in training mode only; there is no dropout to switch on with it in `_no_dropout`.
    module.train(scale.recompute)
    _no_dropout(module)
    layers = model.base_model.layers
    if scale.compile:
        for layer in layers:
            layer.compile()
    if ranks.size > 1 and scale.shard:
        from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

        mixed = MixedPrecisionPolicy(param_dtype=DTYPES[scale.dtype], reduce_dtype=torch.float32)
        for part in (*layers, module):
            fully_shard(part, mp_policy=mixed)


def _no_dropout(module: nn.Module) -> None:
    part: Any
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
        if hasattr(part, "attention_dropout"):
            part.attention_dropout = 0.0


def weights(policy: Policy) -> Iterator[tuple[str, Tensor]]:
    """Every parameter by its Hugging Face name, whole and on the CPU, adapters merged in. A collective call."""
    with torch.no_grad():
        for name, parameter in policy.model.named_parameters():
            if "lora_" in name:
                continue
            merged = _whole(parameter)
            if ".base_layer." in name:
                merged = merged + _delta(policy.model.get_submodule(name.partition(".base_layer")[0]))
            yield name.replace(".base_layer", ""), merged.cpu()


def _delta(layer: Any) -> Tensor:
    """What the adapters add to the weight: B A alpha / r."""
    name = next(iter(layer.lora_A))
    down, up = (_whole(side[name].weight) for side in (layer.lora_A, layer.lora_B))
    return (up @ down) * layer.scaling[name]  # type: ignore[no-any-return]


def _whole(parameter: Tensor) -> Tensor:
    """A sharded parameter put together."""
    return parameter.full_tensor() if hasattr(parameter, "full_tensor") else parameter.detach()


@contextmanager
def without_adapters(policy: Policy) -> Iterator[None]:
    """The policy as it was before training: with adapters, it is its own reference."""
    layers: list[Any] = [layer for layer in policy.modules() if hasattr(layer, "lora_A")]
    for layer in layers:
        layer.enable_adapters(False)
    try:
        yield
    finally:
        for layer in layers:
            layer.enable_adapters(True)
