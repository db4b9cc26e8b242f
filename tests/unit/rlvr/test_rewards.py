"""From score to reward: scale, and what too long a response costs."""

from collections.abc import Callable
from typing import Any

import pytest

from rlvr.config import RL, Sampling, Tasks
from rlvr.rewards import overlong, shaped
from rlvr.samples import Rollout


@pytest.mark.parametrize(
    ("length", "finish", "expected"),
    [
        (1, "stop", 0),
        (60, "stop", 0),
        (70, "stop", -0.25),
        (99, "stop", -0.975),
        (100, "stop", -1),
        (100, "length", -1),
    ],
)
def test_soft_overlong_punishment(length: int, finish: str, expected: float) -> None:
    assert overlong(length, finish, limit=100, buffer=40) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("settings", "finish", "expected"),
    [
        ({}, "length", 0.5),
        ({"reward_scale": 10.0}, "stop", 5.0),
        ({"truncated": "mask"}, "length", 0.5),
        ({"reward_scale": 10.0, "truncated": "penalty", "truncated_reward": -3.0}, "length", -3.0),
        ({"reward_scale": 10.0, "truncated": "penalty", "truncated_reward": -3.0}, "stop", 5.0),
        ({"reward_scale": 2.0, "truncated": "soft", "overlong_buffer": 2}, "stop", 0.5),
        ({"reward_scale": 2.0, "truncated": "soft", "overlong_buffer": 1}, "stop", 1.0),
    ],
)
def test_a_reward_is_shaped(
    settings: dict[str, Any], finish: str, expected: float, rollout: Callable[..., Rollout]
) -> None:
    config = RL(tasks=Tasks(train=""), sampling=Sampling(max_tokens=3), **settings)
    made = rollout("a", (1, 2), finish=finish)
    if settings.get("overlong_buffer") == 2:
        assert shaped(0.5, made, config) == pytest.approx(1.0 - 0.5)
    else:
        assert shaped(0.5, made, config) == pytest.approx(expected)


def test_an_error_stays_masked_however_long(rollout: Callable[..., Rollout]) -> None:
    config = RL(tasks=Tasks(train=""), truncated="penalty")
    assert shaped(None, rollout("a", finish="length"), config) is None
