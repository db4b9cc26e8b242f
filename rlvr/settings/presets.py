"""Published recipes of RL as keys of its configuration. What a file says itself comes first.

Learning rates and sizes are left out: they belong to the model and the tasks, not to the algorithm.
"""

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    # DeepSeekMath (arXiv 2402.03300), as it is run today: without the KL term.
    "grpo": {"objective": {"advantage": "grpo", "aggregation": "sequence", "clip_low": 0.2, "clip_high": 0.2}},
    # Understanding R1-Zero (arXiv 2503.20783): neither the standard deviation nor the response's length divides.
    "dr_grpo": {"objective": {"advantage": "mean", "aggregation": "constant", "clip_low": 0.2, "clip_high": 0.2}},
    # DAPO (arXiv 2503.14476): clip higher, token loss, dynamic sampling, soft overlong punishment.
    "dapo": {
        "objective": {"advantage": "grpo", "aggregation": "token", "clip_low": 0.2, "clip_high": 0.28},
        "refill": 3,
        "truncated": "soft",
    },
    # GSPO (arXiv 2507.18071) section 5.1.
    "gspo": {
        "objective": {
            "policy": "gspo",
            "advantage": "grpo",
            "aggregation": "sequence",
            "clip_low": 3e-4,
            "clip_high": 4e-4,
        }
    },
    # MiniMax-M1 (arXiv 2506.13585) eq. 4: no lower bound; the upper one as the field has settled on it, a ratio of 5.
    "cispo": {
        "objective": {
            "policy": "cispo",
            "advantage": "grpo",
            "aggregation": "token",
            "clip_low": 1.0,
            "clip_high": 4.0,
        }
    },
    # Back to Basics (arXiv 2402.14740): REINFORCE with a leave-one-out baseline, the whole response as one action.
    "rloo": {"objective": {"advantage": "rloo", "aggregation": "constant"}},
    # Tulu 3 (arXiv 2411.15124) table 24, 8B. Give it the reward model as `critic.model`.
    "ppo": {
        "objective": {
            "advantage": "gae",
            "clip_low": 0.2,
            "clip_high": 0.2,
            "old": "learner",
            "kl": {"beta": 0.05, "estimator": "k1", "place": "reward"},
        },
        "critic": {"gamma": 1.0, "lam": 0.95, "clip": 0.2, "whiten": True},
        "group_size": 1,
        "epochs": 4,
        "refill": 0,
        "reward_scale": 10.0,
        "truncated": "penalty",
        "truncated_reward": -10.0,
    },
}


def fill(data: dict[str, Any]) -> dict[str, Any]:
    """The keys of a configuration, with those of its preset where it says nothing itself."""
    return _under(data, PRESETS.get(str(data.get("preset")), {}))


def _under(data: dict[str, Any], preset: dict[str, Any]) -> dict[str, Any]:
    filled = dict(data)
    for key, value in preset.items():
        if isinstance(value, dict) and isinstance(filled.get(key, {}), dict):
            filled[key] = _under(filled.get(key, {}), value)
        else:
            filled.setdefault(key, value)
    return filled
