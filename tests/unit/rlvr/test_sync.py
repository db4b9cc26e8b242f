"""The fingerprint of weights: blind to how an engine lays them out, and to nothing else."""

import numpy as np
import pytest
import torch

from rlvr.sync import SyncFailed, Weights, fingerprint


@pytest.fixture
def arrays() -> dict[str, "np.ndarray[tuple[int, ...], np.dtype[np.float32]]"]:
    rng = np.random.default_rng(0)
    return {name: rng.normal(0, 0.02, shape).astype(np.float32) for name, shape in (("a", (7, 5)), ("b", (4, 5)))}


def test_fused_sharded_reordered_or_padded_they_are_the_same() -> None:
    q, k = torch.randn(6, 4), torch.randn(2, 4)
    whole = fingerprint([q, k])
    assert fingerprint([torch.cat([q, k])]) == whole
    assert fingerprint([k, q[3:], q[:3]]) == whole
    assert fingerprint([torch.cat([q, k, torch.zeros(5, 4)])]) == whole
    assert fingerprint([torch.nn.Parameter(q), k.t()]) == whole
    assert 0 < whole < 2**64


@pytest.mark.parametrize("damage", ["nudged", "zeroed", "twice", "swapped sign", "half precision"])
def test_any_damage_changes_it(damage: str) -> None:
    x = torch.randn(1000, 10)
    y = x.clone()
    if damage == "nudged":
        y.view(torch.int32)[500, 3] ^= 1
    elif damage == "zeroed":
        y[999, 9] = 0
    elif damage == "twice":
        y = torch.cat([y, y[:1]])
    elif damage == "swapped sign":
        y[0, 0] *= -1
    else:
        y = y.bfloat16().float()
    assert fingerprint([y]) != fingerprint([x])


def test_large_tensors_are_mixed_in_parts_with_the_same_result() -> None:
    x = torch.randn((1 << 22) + 1000)
    assert fingerprint([x]) == fingerprint([x[:999], x[999:]])


def test_weights_that_arrived_pass(arrays: dict[str, "np.ndarray[tuple[int, ...], np.dtype[np.float32]]"]) -> None:
    weights = Weights.of(3, arrays)
    weights.check(3, weights.fingerprint, torch.float32, "engine 0")
    rounded = fingerprint(torch.from_numpy(array).bfloat16() for array in arrays.values())
    weights.check(3, rounded, torch.bfloat16, "engine 0")


def test_weights_that_did_not_arrive_are_noticed(
    arrays: dict[str, "np.ndarray[tuple[int, ...], np.dtype[np.float32]]"],
) -> None:
    weights = Weights.of(3, arrays)
    with pytest.raises(SyncFailed, match="engine 0 does not have the learner's weights after the update to version 3"):
        weights.check(3, weights.fingerprint ^ 1, torch.float32, "engine 0")
    with pytest.raises(SyncFailed, match="engine 1 was sent the weights of version 3 as version 4"):
        weights.check(4, weights.fingerprint, torch.float32, "engine 1")
    arrays["a"][2, 2] += 1
    with pytest.raises(SyncFailed, match="damaged on their way to engine 0"):
        weights.check(3, weights.fingerprint, torch.float32, "engine 0")
