"""Which prompt comes next: every epoch whole, or the ones solved about half the time most often."""

from collections import Counter

import pytest

from rlvr.config import RL, Tasks
from rlvr.curriculum import FLOOR, Curriculum
from rlvr.samples import Group, Judged, Prompt, Rollout
from verifiers import Task, Verdict

PROMPTS = [Prompt(Task(id=f"t{i}", prompt="?", verifier="exact", reference="yes"), (i,)) for i in range(7)]


def curriculum(solved: dict[str, tuple[float, int]] | None = None, **settings: object) -> Curriculum:
    return Curriculum(RL(tasks=Tasks(train=""), **settings), PROMPTS, solved or {})  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [0, 5])
def test_every_epoch_goes_through_all_prompts_once(seed: int) -> None:
    order = curriculum(seed=seed)
    picked = [order.pick(number).ids[0] for number in range(70)]
    epochs = [tuple(picked[start : start + 7]) for start in range(0, 70, 7)]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert len(set(epochs)) > 5
    assert picked == [curriculum(seed=seed).pick(number).ids[0] for number in range(70)]


def test_difficulty_draws_what_is_solved_half_the_time() -> None:
    solved = {"t0": (400.0, 400), "t1": (0.0, 400), "t2": (200.0, 400), "t3": (40.0, 400)}
    draws = Counter(curriculum(solved, curriculum="difficulty").pick(number).task.id for number in range(4000))
    weights = {"t0": FLOOR, "t1": FLOOR, "t2": 1.0, "t3": 0.36} | dict.fromkeys(("t4", "t5", "t6"), 1.0)
    for task, weight in weights.items():
        assert draws[task] / 4000 == pytest.approx(weight / sum(weights.values()), abs=0.03), task


def test_the_scale_of_the_rewards_does_not_matter() -> None:
    """Nor does a penalty: what it takes below 0 earned nothing."""
    rollout = Rollout("r", (1,), (2,), (1,), (-1.0,), (0,), "stop", "")
    weights = []
    for rewards, scale in ((10.0, 10.0, 0.0, -1.0), 10.0), ((1.0, 1.0, 0.0, 0.0), 1.0):
        order = curriculum(curriculum="difficulty", reward_scale=scale)
        order.note([Group("g", PROMPTS[2].task, tuple(Judged(rollout, Verdict.correct(), r) for r in rewards))])
        weights.append(order.weight("t2"))
    assert weights == [1.0, 1.0]


def test_what_a_batch_showed_counts_from_the_next_pick_on() -> None:
    """And a run that is resumed draws as one that was not: it is given the same sums."""
    running = curriculum(curriculum="difficulty")
    running.pick(0)
    rollout = Rollout("r", (1,), (2,), (1,), (-1.0,), (0,), "stop", "")
    judged = tuple(Judged(rollout, Verdict.correct(), reward) for reward in (1.0, 1.0, 1.0, None))
    running.note([Group("g", PROMPTS[2].task, judged)])
    assert running.solved == {"t2": (3.0, 3)}
    resumed = curriculum({"t2": (3.0, 3)}, curriculum="difficulty")
    assert [running.pick(n) for n in range(50)] == [resumed.pick(n) for n in range(50)]
    fresh = curriculum(curriculum="difficulty")
    assert [running.pick(n) for n in range(50)] != [fresh.pick(n) for n in range(50)]
