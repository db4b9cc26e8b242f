"""One learner on several processes. Each rank knows the whole batch, so that what is normalised over the step needs no
messages; ranks share out the micro-batches, and add up gradients and what they found out about tokens.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

TIMEOUT = datetime.timedelta(minutes=30)
"""A rank that waits longer for another gives up, instead of waiting for a dead one for ever."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ranks:
    """Which process this is, of how many, and where it computes."""

    number: int = 0
    size: int = 1
    device: str = "cpu"

    @property
    def first(self) -> bool:
        return self.number == 0

    def share(self, work: list[T]) -> list[T | None]:
        """This rank's part, of the same length on every rank: None stands for an empty piece."""
        padded = [*work, *([None] * (-len(work) % self.size))]
        return padded[self.number :: self.size]

    def sum(self, tensor: Tensor) -> Tensor:
        """The tensor summed over ranks, on each of them."""
        if self.size > 1:
            there = tensor.to(self.device)
            torch.distributed.all_reduce(there)
            return there.to(tensor.device)
        return tensor

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Of whole copies; sharded parameters have theirs summed in the backward pass."""
        if self.size == 1:
            return
        for parameter in parameters:
            if parameter.grad is not None and not hasattr(parameter.grad, "full_tensor"):
                torch.distributed.all_reduce(parameter.grad)

    def barrier(self) -> None:
        if self.size > 1:
            torch.distributed.barrier()


def join(address: str, number: int, size: int, device: str) -> Ranks:
    """Become one of several ranks that meet at `address` (`tcp://HOST:PORT`): NCCL on GPUs, gloo on CPUs."""
    if size > 1:
        backend = "nccl" if device.startswith("cuda") else "gloo"
        torch.distributed.init_process_group(backend, address, TIMEOUT, size, number)
    return Ranks(number, size, device)
