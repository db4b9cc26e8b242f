"""How a learner learns: optimizer, objective, critic and machines. `rlvr/config.py` has the stages that use them.

Combinations that cannot be right are refused, with the reason and what to write instead.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from rlvr.settings.sections import PathOrName, Section, Share


class Optim(Section):
    """AdamW with a linear warm-up."""

    lr: PositiveFloat
    warmup_steps: NonNegativeInt = 0
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """What the rate does after the warm-up: stay, or fall to a tenth by the last step."""
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: NonNegativeFloat = 0.0
    max_grad_norm: PositiveFloat = 1.0


class KL(Section):
    """A pull towards the reference: the model that the run starts from. With `beta` 0 none is loaded."""

    beta: NonNegativeFloat = 0.0
    estimator: Literal["k1", "k2", "k3"] = "k2"
    """Of d = log policy - log reference. `k2`: d^2/2. `k3`: exp(-d) - 1 + d, times the policy ratio, so
    that its gradient is that of KL(policy || reference). `k1`: d itself."""
    place: Literal["loss", "reward"] = "loss"
    """`loss` with k2 or k3, `reward` (of every token) with k1. The other ways have a wrong gradient."""

    @model_validator(mode="after")
    def _has_the_right_gradient(self) -> Self:
        if self.estimator == "k1" and self.place == "loss":
            raise ValueError(
                'k1 in the loss has an expected gradient of exactly 0; write place = "reward", or estimator = "k2"'
            )
        if self.estimator != "k1" and self.place == "reward":
            raise ValueError(f'{self.estimator} in the reward is biased; write estimator = "k1", or place = "loss"')
        return self


class Objective(Section):
    """The policy objective. The defaults are those of DESIGN: no std, token aggregation, clip higher."""

    policy: Literal["clip", "cispo", "gspo"] = "clip"
    """`clip`: PPO's clipped ratio. `cispo`: the clipped ratio as a constant weight, so that no token's gradient is
    lost. `gspo`: the clipped ratio of the whole sequence, the geometric mean of its tokens'."""
    advantage: Literal["mean", "grpo", "rloo", "gae"] = "mean"
    """`mean`: reward less the group's mean (Dr. GRPO). `grpo`: that over the group's standard deviation.
    `rloo`: reward less the mean of the others. `gae`: from a critic, token by token; needs the section `critic`."""
    clip_low: NonNegativeFloat = 0.2
    """The ratio is clipped below at 1 - clip_low; 1 switches that side off."""
    clip_high: PositiveFloat = 0.28
    dual_clip: Annotated[float, Field(gt=1.0)] | None = None
    """With a negative advantage the loss is at most this times it, however large the ratio (arXiv 1912.09729)."""
    aggregation: Literal["token", "sequence", "constant"] = "token"
    """How token losses are averaged: over all tokens of the step, over sequences, or by the longest length allowed."""
    old: Literal["auto", "learner", "sampler"] = "auto"
    """What the ratio is taken against: the learner before the step (decoupled PPO; one more forward pass where a batch
    has several optimizer steps), or the sampler. `auto`: the learner where that is free, else the sampler."""
    importance: Literal["none", "truncate", "mask"] = "truncate"
    """Weight exp(old - sampler) of a token where `old` is the learner: cut at the cap, or 0 beyond floor and cap."""
    importance_level: Literal["token", "sequence", "geometric"] = "token"
    """Of each token, the product over the sequence, or the geometric mean over the sequence."""
    importance_floor: NonNegativeFloat = 0.5
    """Used by `mask`."""
    importance_cap: PositiveFloat = 2.0
    """Ceiling of the weight that corrects for the difference between sampler and learner; `inf` is none."""
    stale_limit: PositiveFloat | None = None
    """Sequences of negative advantage train nothing once mean(sampler - policy) exceeds this (DeepSeek-V3.2)."""
    entropy: NonNegativeFloat = 0.0
    """Coefficient of the entropy bonus."""
    kl: KL = KL()

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if self.policy == "gspo" and self.aggregation == "token":
            raise ValueError(
                'gspo weighs sequences alike; write aggregation = "sequence" (token aggregation favours long ones)'
            )
        if self.dual_clip is not None and self.policy != "clip":
            raise ValueError(
                f'dual_clip bounds the loss of policy = "clip", {self.policy} has no such term; leave it out'
            )
        if self.importance == "mask" and self.importance_floor > self.importance_cap:
            raise ValueError(
                f"importance_floor ({self.importance_floor}) is above importance_cap ({self.importance_cap}): "
                "every token would be masked"
            )
        return self


class Critic(Section):
    """The value model of PPO, as large as the policy."""

    model: PathOrName = ""
    """Reward model that it starts from (`rlvr reward-model`); by default the policy's weights and a head of zeros."""
    optim: Optim = Optim(lr=1e-5)
    gamma: Share = 1.0
    lam: Share = 0.95
    clip: PositiveFloat | None = 0.2
    """How far a value may move from what it was before the step, for the larger of two losses to count."""
    whiten: bool = True
    """Advantages to mean 0 and variance 1 over all trained tokens of the batch."""


class Lora(Section):
    """Low-rank adapters on every linear layer of the policy; merged wherever weights leave the learner."""

    rank: PositiveInt = 16
    alpha: PositiveInt = 32


class Scale(Section):
    """How the learner uses its machines. Nothing here changes an update beyond rounding."""

    ranks: PositiveInt = 1
    """Processes that share a step, each with a GPU where there is one."""
    shard: bool = True
    """With several ranks: parameters, gradients and optimizer state split over them (FSDP2); false keeps copies."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Of the forward and backward pass. Parameters and optimizer stay in fp32."""
    recompute: bool = False
    """Activation checkpointing: activations are made again in the backward pass."""
    compile: bool = False
    """`torch.compile` of each layer."""
    layout: Literal["padded", "packed"] = "padded"
    """Sequences of like length side by side, or end to end in one row (for attention kernels that skip the rest)."""
    attention: str = "sdpa"
    """Attention implementation of transformers, such as `flash_attention_2`."""
    lora: Lora | None = None
