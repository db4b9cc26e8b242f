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
        if fingerprint(tensors(self.arrays)) != self.fingerprint:
            raise SyncFailed(f"the weights of version {version} were damaged on their way to {engine}")
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
    bits = tensor.detach().float().contiguous().view(torch.int32).flatten()
    total = 0
    for part in torch.split(bits, 1 << 22):  # bounds the 64-bit copies
        x = part.long()
        x = (x ^ _shifted(x, 33)) * _signed(0xFF51AFD7ED558CCD)
        x = (x ^ _shifted(x, 33)) * _signed(0xC4CEB9FE1A85EC53)
        total += int((x ^ _shifted(x, 33)).sum())
    return total


def _shifted(x: Tensor, bits: int) -> Tensor:
    """A logical shift to the right: torch's is arithmetic."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value
