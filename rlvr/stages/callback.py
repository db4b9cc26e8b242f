"""Hand what a TRL trainer logs to the run's own record."""

from typing import Any, ClassVar

from transformers import TrainerCallback

from rlvr.records.runlog import RunLog


class LogTo(TrainerCallback):  # type: ignore[misc]
    """Numbers only, under the names that the rest of rlvr uses."""

    NAMES: ClassVar = {
        "mean_token_accuracy": "token_accuracy",
        "learning_rate": "lr",
        "rewards/accuracies": "pair_accuracy",
        "accuracy": "pair_accuracy",
    }

    def __init__(self, log: RunLog) -> None:
        self.log = log

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.log.total = state.max_steps

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        numbers = {self.NAMES.get(k, k): float(v) for k, v in logs.items() if isinstance(v, int | float)}
        if "loss" in numbers:
            self.log(state.global_step, numbers)
