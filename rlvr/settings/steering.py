"""Which settings a run's trajectory depends on: with others than it was begun with, a run does not go on."""

import hashlib
import json
from typing import Any

from rlvr.config import RL, SFT, Preferences
from rlvr.settings.learning import Scale
from rlvr.settings.toml import dotted

ANY_STAGE = {"out", "compute", "trackers", "grading"}
RL_ONLY = {"steps", "evaluate_every", "checkpoint_every", "engine_batch", "micro_batch_tokens", "faults"}
RL_ONLY |= {"engine.replicas", "engine.tensor_parallel", "engine.memory"}
RL_ONLY |= {f"scale.{name}" for name in Scale.model_fields if name != "lora"}
"""What may change, and it is still the same run; a section stands for all that is in it."""


def steering(config: RL | SFT | Preferences) -> dict[str, Any]:
    """The settings that may not change, by dotted name.

    Paths beside the run directory are as seen from there, so that a pipeline's folder may be moved.
    """
    free = ANY_STAGE | RL_ONLY if isinstance(config, RL) else ANY_STAGE
    if isinstance(config, RL):
        optims = [config.optim, *([config.critic.optim] if config.critic else [])]
        if any(optim.schedule != "constant" for optim in optims):
            free = free - {"steps"}  # the rate depends on it
    beside = f"{config.out.parent}/"
    return {
        name: value.removeprefix(beside) if isinstance(value, str) else value
        for name, value in dotted(config.model_dump(mode="json"))
        if not any(f"{name}.".startswith(f"{one}.") for one in free)
    }


def settings_hash(config: RL | SFT | Preferences) -> str:
    """Of the settings that may not change."""
    return hashlib.sha256(json.dumps(steering(config), sort_keys=True).encode()).hexdigest()


def changes(before: RL | SFT | Preferences, now: RL | SFT | Preferences) -> list[str]:
    """Each setting that may not change and has: `group_size was 8, now 4`."""
    old, new = steering(before), steering(now)
    return [
        f"{name} was {json.dumps(old.get(name))}, now {json.dumps(new.get(name))}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]
