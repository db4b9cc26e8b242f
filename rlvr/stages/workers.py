"""Run a training function on Ray Train workers, each with its threads and its share of the optimizer step."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import ray.train
from ray.train import RunConfig, ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer

from rlvr.config import DPO, SFT
from rlvr.jobs import JobError

C = TypeVar("C", SFT, DPO)


def train_on_workers(function: Callable[[C], None], config: C) -> None:
    """`function(config)` on every worker, in one torch.distributed group. Raises JobError when a worker fails."""
    from rlvr.actors import SHARE, wants_gpu

    gpu = wants_gpu(config.compute)
    trainer = TorchTrainer(
        _worker,
        train_loop_config={"function": function, "config": config},
        torch_config=TorchConfig(backend="nccl" if gpu else "gloo"),
        scaling_config=ScalingConfig(
            num_workers=config.workers, use_gpu=gpu, resources_per_worker={"CPU": SHARE, **({"GPU": 1} if gpu else {})}
        ),
        run_config=RunConfig(name="ray", storage_path=str(config.out.absolute())),
    )
    try:
        trainer.fit()
    except Exception as error:  # the boundary to foreign processes: whatever ended the workers ends this job
        raise JobError(f"a training worker failed: {error}") from error


def _worker(task: dict[str, Any]) -> None:
    import torch

    config = task["config"]
    torch.set_num_threads(config.compute.threads or len(os.sched_getaffinity(0)))
    task["function"](config)


def is_first() -> bool:
    """Whether this worker writes what is written once."""
    return ray.train.get_context().get_world_rank() == 0


def world_size() -> int:
    return ray.train.get_context().get_world_size()


def trainer_arguments(config: SFT | DPO, scratch: Path) -> dict[str, Any]:
    """What TRL's two trainers have in common. `batch_size` is that of an optimizer step over all workers."""
    if config.batch_size % world_size():
        raise ValueError(f"batch_size ({config.batch_size}) must be a multiple of workers ({world_size()})")
    schedule = {"constant": "constant_with_warmup", "linear": "linear", "cosine": "cosine"}[config.optim.schedule]
    return {
        "output_dir": str(scratch),
        "num_train_epochs": config.epochs,
        "per_device_train_batch_size": config.batch_size // world_size(),
        "learning_rate": config.optim.lr,
        "lr_scheduler_type": schedule,
        "warmup_steps": config.optim.warmup_steps,
        "adam_beta1": config.optim.betas[0],
        "adam_beta2": config.optim.betas[1],
        "weight_decay": config.optim.weight_decay,
        "max_grad_norm": config.optim.max_grad_norm,
        "max_length": config.max_tokens,
        "seed": config.seed,
        "bf16": False,
        "gradient_checkpointing": False,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "logging_steps": 10,
        "dataloader_pin_memory": False,
    }
