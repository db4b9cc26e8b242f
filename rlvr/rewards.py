"""From a verdict's score to the reward that is trained on."""

from rlvr.config import RL
from rlvr.samples import Rollout


def shaped(score: float | None, rollout: Rollout, config: RL) -> float | None:
    """Scaled, and less for a response that was too long. None, an error's, stays None: it says nothing of the model."""
    if score is None:
        return None
    if config.truncated == "penalty" and rollout.finish == "length":
        return config.truncated_reward
    reward = config.reward_scale * score
    if config.truncated == "soft":
        reward += overlong(
            len(rollout.response_ids), rollout.finish, config.sampling.max_tokens, config.overlong_buffer
        )
    return reward


def overlong(length: int, finish: str, limit: int, buffer: int) -> float:
    """0 up to limit - buffer tokens, then in a line down to -1 at the limit; -1 once cut. DAPO (2503.14476) eq. 13."""
    return -1.0 if finish == "length" else min(0.0, (limit - buffer - length) / buffer)
