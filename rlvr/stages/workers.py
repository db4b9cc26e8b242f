"""Run a training function where the cluster has room for it: on one worker, or on several in a Ray Train group.

The function is given its configuration and a `Rank`. Ray Train is left out where there is nothing to coordinate: it
takes longer to come up than a small run takes to train.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import ray

from rlvr.actors import device_of, wants_gpu
from rlvr.config import DPO, SFT, RewardModel
from rlvr.errors import UserError, WorkFailed
from rlvr.planning.placement import SHARE
from rlvr.settings.load import ConfigError

C = TypeVar("C", SFT, DPO, RewardModel)


@dataclass(frozen=True, slots=True)
class Rank:
    """Which worker this is, and of how many."""

    number: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this worker writes what is written once."""
        return self.number == 0

    def barrier(self) -> None:
        """Wait until every worker is here."""
        if self.size > 1:
            import torch.distributed

            torch.distributed.barrier()


Function = Callable[[C, Rank], None]


def train_on_workers(function: Function[C], config: C) -> None:
    """`function(config, rank)` on every worker. Raises WorkFailed when a worker fails, or its own user error."""
    if config.batch_size % config.workers:
        raise ConfigError(f"batch_size: expected a multiple of workers ({config.workers}), got {config.batch_size}")
    gpu = wants_gpu(config.compute)
    try:
        if config.workers == 1:
            ray.get(ray.remote(num_cpus=SHARE, num_gpus=int(gpu))(_alone).remote(function, config))
        else:
            _group(function, config, gpu)
    except UserError:
        raise
    except Exception as error:  # the boundary to foreign processes: whatever ended a worker ends this job
        raise WorkFailed(f"a training worker failed: {error}") from error


def _alone(function: Function[C], config: C) -> None:
    _set_threads(config)
    function(config, Rank())


def _group(function: Function[C], config: C, gpu: bool) -> None:
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    TorchTrainer(
        _member,
        train_loop_config={"function": function, "config": config},
        torch_config=TorchConfig(backend="nccl" if gpu else "gloo"),
        scaling_config=ScalingConfig(
            num_workers=config.workers, use_gpu=gpu, resources_per_worker={"CPU": SHARE, **({"GPU": 1} if gpu else {})}
        ),
        run_config=RunConfig(name="ray", storage_path=str(config.out.absolute())),
    ).fit()


def _member(task: dict[str, Any]) -> None:
    import ray.train

    context = ray.train.get_context()
    _set_threads(task["config"])
    task["function"](task["config"], Rank(context.get_world_rank(), context.get_world_size()))


def _set_threads(config: SFT | DPO | RewardModel) -> None:
    import torch

    torch.set_num_threads(config.compute.threads or len(os.sched_getaffinity(0)))


def save(trainer: Any, tokenizer: Any, folder: Path) -> None:
    """A Hugging Face folder: what `from_pretrained` and `vllm serve` load as it is."""
    trainer.save_model(str(folder))
    tokenizer.save_pretrained(folder)


def trainer_arguments(config: SFT | DPO | RewardModel, rank: Rank, scratch: Path) -> dict[str, Any]:
    """What TRL's trainers have in common. `batch_size` is that of an optimizer step over all workers."""
    schedule = {"constant": "constant_with_warmup", "linear": "linear", "cosine": "cosine"}[config.optim.schedule]
    return {
        "output_dir": str(scratch),
        "num_train_epochs": config.epochs,
        "per_device_train_batch_size": config.batch_size // rank.size,
        "learning_rate": config.optim.lr,
        "lr_scheduler_type": schedule,
        "warmup_steps": config.optim.warmup_steps,
        "adam_beta1": config.optim.betas[0],
        "adam_beta2": config.optim.betas[1],
        "weight_decay": config.optim.weight_decay,
        "max_grad_norm": config.optim.max_grad_norm,
        "max_length": config.max_tokens,
        "seed": config.seed,
        "use_cpu": device_of(config.compute) == "cpu",  # else each of several workers would train alone
        "bf16": False,
        "gradient_checkpointing": False,
        "save_strategy": "steps",
        "save_steps": config.checkpoint_every,
        "report_to": "none",
        "disable_tqdm": True,
        "logging_steps": 5,
        "dataloader_pin_memory": False,
    }
