"""One ragged batch that ours and the peers' losses are computed on, and the peers themselves."""

import importlib
import sys
import types
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from rlvr.config import RL
from rlvr.learner import loss
from rlvr.learner.objective import Streams, policy_loss

LENGTHS = [17, 3, 9, 1, 12, 16, 5, 7, 2, 11, 14, 6]
WIDTH, GROUP = 17, 4


@dataclass
class Ragged:
    """Twelve responses in groups of four, the first group of one reward; (12, 17), padded on the right."""

    mask: Tensor
    old: Tensor
    new: Tensor
    ref: Tensor
    sampler: Tensor
    entropy: Tensor
    reward: Tensor
    group: Tensor
    advantage: Tensor

    @property
    def flat(self) -> Tensor:
        """Where a token is, trained or not."""
        return torch.arange(WIDTH)[None] < torch.tensor(LENGTHS)[:, None]

    @property
    def seq(self) -> Tensor:
        return torch.arange(len(LENGTHS))[:, None].expand(-1, WIDTH)[self.flat]

    def ours(self, weigh: str | None = None, sampler: bool = False, **settings: Any) -> Tensor:
        """The loss of our objective under these settings of a run."""
        config = RL.model_validate({"tasks": {"train": "-"}, "sampling": {"max_tokens": WIDTH}, **settings})
        flat, mask = self.flat, self.mask[self.flat]
        weight = loss.weights(mask, self.seq, weigh or config.objective.aggregation, WIDTH)
        given = self.sampler if sampler else self.old
        streams = Streams(
            self.new[flat],
            self.entropy[flat],
            given[flat],
            self.old[flat],
            self.ref[flat] if config.objective.kl.beta else None,
            self.advantage[:, None].expand(-1, WIDTH)[flat],
            weight,
            self.seq,
        )
        per_token, _ = policy_loss(config, streams)
        return (weight * per_token).sum()

    def check(self, theirs: Tensor, ours: Tensor) -> None:
        """Losses to 1e-6, gradients to 1e-7, neither of which is nothing."""
        assert ours.detach().abs() > 1e-4
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)
        streams = [self.new] + ([self.entropy] if self.entropy.requires_grad else [])
        for stream in streams:
            [got] = torch.autograd.grad(ours, stream, retain_graph=True, allow_unused=True)
            [wanted] = torch.autograd.grad(theirs, stream, retain_graph=True, allow_unused=True)
            got, wanted = (torch.zeros_like(stream) if g is None else g for g in (got, wanted))
            assert stream is not self.new or got.abs().max() > 1e-4
            torch.testing.assert_close(got[self.mask > 0], wanted[self.mask > 0], atol=1e-7, rtol=0)


@pytest.fixture
def make() -> Callable[..., Ragged]:
    def ragged(holes: bool = False) -> Ragged:
        """holes: tokens in the midst that the policy did not sample, and a response of which nothing is trained."""
        torch.manual_seed(0)
        torch.set_num_threads(1)
        count = len(LENGTHS)
        mask = (torch.arange(WIDTH)[None] < torch.tensor(LENGTHS)[:, None]).float()
        if holes:
            mask[:, 4:7] = 0
            mask[3] = 0
        old = -3 * torch.rand(count, WIDTH)
        reward = torch.randint(0, 2, (count,)).float()
        reward[:GROUP] = 1.0
        return Ragged(
            mask=mask,
            old=old,
            new=(old + 0.4 * torch.randn(count, WIDTH)).requires_grad_(),
            ref=old + 0.3 * torch.randn(count, WIDTH),
            sampler=old + 0.5 * torch.randn(count, WIDTH),
            entropy=torch.rand(count, WIDTH),
            reward=reward,
            group=torch.arange(count) // GROUP,
            advantage=torch.randn(count),
        )

    return ragged


@pytest.fixture
def ragged(make: Callable[..., Ragged]) -> Ragged:
    return make()


@pytest.fixture(scope="session")
def verl() -> Any:
    return pytest.importorskip("verl.trainer.ppo.core_algos", reason="needs ./.venv-peers (make parity)")


@pytest.fixture(scope="session")
def openrlhf() -> Any:
    """Its two files of losses, without the package around them, which starts DeepSpeed."""
    found = importlib.util.find_spec("openrlhf")
    if found is None or not found.submodule_search_locations:
        pytest.skip("needs ./.venv-peers (make parity)")
    package = types.ModuleType("openrlhf_models")
    package.__path__ = [str(Path(found.submodule_search_locations[0]) / "models")]
    sys.modules["openrlhf_models"] = package
    sys.modules["deepspeed"] = types.ModuleType("deepspeed")  # named by `utils`, and not used in what we call
    try:
        return SimpleNamespace(
            loss=importlib.import_module("openrlhf_models.loss"), utils=importlib.import_module("openrlhf_models.utils")
        )
    finally:
        del sys.modules["deepspeed"]


class _Alone:
    """TRL's accelerator on one process."""

    num_processes = 1
    sync_gradients = True

    def gather(self, x: Tensor) -> Tensor:
        return x

    gather_for_metrics = gather

    def reduce(self, x: Tensor, reduction: str = "sum") -> Tensor:
        return x


@pytest.fixture(scope="session")
def trl_loss() -> Callable[..., Tensor]:
    """`GRPOTrainer._compute_loss`, called on a stand-in that answers with the batch's log-probabilities."""
    trl = pytest.importorskip("trl", reason="needs TRL (make parity)")

    def compute(batch: Ragged, loss_type: str, **changes: Any) -> Tensor:
        arguments = {"delta": None, "use_bias_correction_kl": False, "steps_per_generation": 1, "entropy_target": 0}
        weight = changes.pop("importance", None)
        fields = {
            "loss_type": loss_type,
            "model": SimpleNamespace(training=True),
            "_metrics": {"train": defaultdict(list), "eval": defaultdict(list)},
            "accelerator": _Alone(),
            "top_entropy_quantile": 1.0,
            "off_policy_mask_threshold": None,
            "get_off_policy_mask": trl.GRPOTrainer.get_off_policy_mask,
            "importance_sampling_level": "token",
            "beta": 0.0,
            "epsilon_low": 0.2,
            "epsilon_high": 0.28,
            "use_vllm": weight is not None,
            "vllm_importance_sampling_correction": weight is not None,
            "aux_loss_enabled": False,
            "_entropy_bonus_enabled": False,
            "use_adaptive_entropy": False,
            "current_gradient_accumulation_steps": 1,
            "max_completion_length": WIDTH,
            "_get_per_token_logps_and_entropies": lambda *_, **__: (batch.new, batch.entropy, None),
        }
        names = set(fields) | {"entropy_coef"}
        fields |= {name: value for name, value in changes.items() if name in names}
        fields["args"] = SimpleNamespace(**arguments | {k: v for k, v in changes.items() if k not in names})
        ids = torch.zeros(len(LENGTHS), WIDTH, dtype=torch.long)
        inputs = {
            "prompt_ids": ids[:, :2],
            "prompt_mask": ids[:, :2] + 1,
            "completion_ids": ids,
            "completion_mask": batch.mask.long(),
            "advantages": batch.advantage,
            "old_per_token_logps": batch.old,
            "sampling_per_token_logps": batch.sampler,
            "ref_per_token_logps": batch.ref,
            "num_items_in_batch": batch.mask.sum(),
            **({} if weight is None else {"importance_sampling_ratio": weight}),
        }
        answer: Tensor = trl.GRPOTrainer._compute_loss(SimpleNamespace(**fields), None, inputs)
        return answer

    return compute
