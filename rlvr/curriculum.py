"""Which prompt comes next: a function of the seed, the group's number and what has been cut so far."""

import random
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate

from rlvr.config import RL
from rlvr.samples import Group, Prompt

FLOOR = 0.05
"""Weight of a prompt that is always or never solved, beside 1 for one that is solved every second time."""


class Curriculum:
    """`epochs` goes through all prompts, shuffled anew each time. `difficulty` draws them by p (1 - p), with p the
    mean of what its responses earned so far, from 0 to 1: a group whose rewards agree teaches nothing."""

    def __init__(self, config: RL, prompts: Sequence[Prompt], solved: Mapping[str, tuple[float, int]]) -> None:
        """`solved`: by task id, the sum of what was earned and by how many responses, of all batches cut before."""
        self.seed, self.kind, self.prompts = config.seed, config.curriculum, prompts
        self.scale = config.reward_scale
        self.solved = dict(solved)
        self._cumulative: list[float] | None = None

    def note(self, groups: Iterable[Group]) -> None:
        """What became of the groups of a batch."""
        for group in groups:
            shares = [earned(j.reward, self.scale) for j in group.judged if j.reward is not None]
            total, count = self.solved.get(group.task.id, (0.0, 0))
            self.solved[group.task.id] = (total + sum(shares), count + len(shares))
        self._cumulative = None

    def pick(self, number: int) -> Prompt:
        """The prompt of the group with this number."""
        if self.kind == "epochs":
            epoch, place = divmod(number, len(self.prompts))
            return self.prompts[_order(self.seed, epoch, len(self.prompts))[place]]
        if self._cumulative is None:
            self._cumulative = list(accumulate(self.weight(prompt.task.id) for prompt in self.prompts))
        draw = random.Random(f"{self.seed}/difficulty/{number}")
        return draw.choices(self.prompts, cum_weights=self._cumulative)[0]

    def weight(self, task: str) -> float:
        """4 p (1 - p), p with one success and one failure added (Laplace); one for a task not seen yet."""
        total, count = self.solved.get(task, (0.0, 0))
        p = (total + 1) / (count + 2)
        return max(FLOOR, 4 * p * (1 - p))


def earned(reward: float, scale: float) -> float:
    """A reward as a share of the highest that a verdict brings; one that a penalty took below 0 earned nothing."""
    return min(1.0, max(0.0, reward / scale))


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, count: int) -> list[int]:
    order = list(range(count))
    random.Random(f"{seed}/epoch/{epoch}").shuffle(order)
    return order
