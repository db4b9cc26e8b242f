"""Weights on their way from the learner to the engines: versioned, and proved to have arrived.

The fingerprint is a sum over all numbers of a model, each mixed to 64 bits. It is exact, and the same however an engine
fuses, shards or pads the parameters; one number that was lost, stale or rounded changes it. What it cannot see, numbers
in each other's places, the comparison of log-probabilities at the start of a run does.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

FACTORS = (0xFF51AFD7ED558CCD - (1 << 64), 0xC4CEB9FE1A85EC53 - (1 << 64))
"""Of the finalizer, as signed numbers."""
AT_ONCE = {True: 1 << 16, False: 1 << 24}
"""Numbers that are mixed together: on a CPU what its cache holds, which is 19 times as fast as a tensor at once."""


class SyncFailed(Exception):
    """An engine does not have the learner's weights after an update."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What the learner sends: every parameter as a numpy array, by name."""

    version: int
    arrays: Mapping[str, "np.ndarray[Any, Any]"]
    fingerprint: int

    @classmethod
    def of(cls, version: int, arrays: Mapping[str, "np.ndarray[Any, Any]"]) -> "Weights":
        return cls(version, arrays, fingerprint(tensors(arrays)))

    def check(self, version: int, found: int | None, dtype: torch.dtype, engine: str) -> None:
        """Raise SyncFailed unless `engine`, which has loaded this as `version` and as `dtype`, has just these numbers.

        `found`: the fingerprint of what the engine has now; none when it cannot tell.
        """
        if version != self.version:
            raise SyncFailed(f"{engine} was sent the weights of version {self.version} as version {version}")
        expected = fingerprint(tensors(self.arrays))
        if expected != self.fingerprint:
            raise SyncFailed(f"the weights of version {version} were damaged on their way to {engine}")
        if dtype != torch.float32:
            expected = fingerprint(tensor.to(dtype) for tensor in tensors(self.arrays))
        if found is not None and found != expected:
            raise SyncFailed(
                f"{engine} does not have the learner's weights after the update to version {version}: "
                f"fingerprint {found:#018x}, expected {expected:#018x}"
            )


def tensors(arrays: Mapping[str, "np.ndarray[Any, Any]"]) -> Iterator[Tensor]:
    """Copies: what comes out of an object store is read-only, and torch has no such tensors."""
    return (torch.from_numpy(np.array(array)) for array in arrays.values())


def fingerprint(tensors: Iterable[Tensor]) -> int:
    """64 bits over all numbers, in any order and grouping; zeros, and so padding, do not count."""
    return sum(map(_mixed, tensors)) & (2**64 - 1)


def _mixed(tensor: Tensor) -> int:
    """The sum of MurmurHash3's 64-bit finalizer over the numbers as fp32 bits; it maps 0 to 0."""
    numbers = tensor.detach().contiguous().flatten()
    x = torch.empty(min(AT_ONCE[numbers.is_cpu], len(numbers)), dtype=torch.int64, device=numbers.device)
    shifted = torch.empty_like(x)
    total = 0
    for part in torch.split(numbers, AT_ONCE[numbers.is_cpu]):
        x, shifted = x[: len(part)], shifted[: len(part)]
        x.copy_(part.float().view(torch.int32))
        for factor in FACTORS:
            x.bitwise_xor_(_shifted(x, shifted)).mul_(factor)
        total += int(x.bitwise_xor_(_shifted(x, shifted)).sum())
    return total


def _shifted(x: Tensor, into: Tensor) -> Tensor:
    """A logical shift to the right by 33: torch's is arithmetic."""
    return torch.bitwise_right_shift(x, 33, out=into).bitwise_and_((1 << 31) - 1)
