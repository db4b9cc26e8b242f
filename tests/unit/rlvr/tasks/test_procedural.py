"""The procedural tasks: splits that share no problem, demonstrations that are right or slipped as they claim."""

from collections import Counter
from itertools import islice

import pytest

from rlvr.tasks import procedural
from rlvr.tasks.procedural import FAMILIES, SPLITS, Problem, demonstrations, distinct, problems
from verifiers import verify

NAMES = sorted(FAMILIES)


def some(split: procedural.Split, family: str, count: int, seed: int = 0) -> list[Problem]:
    return list(islice(problems(seed, split, family), count))


@pytest.mark.parametrize("family", NAMES)
def test_splits_share_no_problem(family: str) -> None:
    keys = {split: {p.key for seed in (0, 1) for p in some(split, family, 1000, seed)} for split in set(SPLITS)}
    assert all(len(found) > 20 for found in keys.values())
    assert sum(map(len, keys.values())) == len(set.union(*keys.values()))


@pytest.mark.parametrize("family", NAMES)
def test_tasks_are_distinct_and_of_their_family(family: str) -> None:
    tasks = distinct(0, "train", 150, family)
    assert len({task.id for task in tasks}) == len({str(task.prompt) for task in tasks}) == 150
    assert {task.verifier for task in tasks} == {family}
    assert tasks == distinct(0, "train", 150, family) != distinct(1, "train", 150, family)


@pytest.mark.parametrize("family", ["math", "instructions"])
def test_the_right_answer_is_correct_and_the_slipped_one_is_not(family: str) -> None:
    slips = 0
    for problem in some("train", family, 150) + some("held_out", family, 50):
        assert verify(family, problem.right, problem.reference).status == "correct", problem
        if problem.slipped != problem.right:
            slips += 1
            assert verify(family, problem.slipped, problem.reference).score != 1.0, problem
    assert slips > 60


def test_programs_are_judged_by_running_them() -> None:
    for problem in some("train", "code", 10):
        assert verify("code", problem.right, problem.reference).status == "correct", problem
        slipped = verify("code", problem.slipped, problem.reference)
        assert (slipped.score == 1.0) is problem.key.endswith("+0"), (problem, slipped)


def test_streams_are_a_function_of_the_seed() -> None:
    assert some("train", "math", 20) == some("train", "math", 20) != some("train", "math", 20, seed=1)
    mixed = list(islice(problems(0, "train"), 30))
    assert [p.family for p in mixed] == NAMES * 10


@pytest.mark.parametrize("slip", [0.0, 0.5, 1.0])
def test_the_teacher_slips_as_often_as_told(slip: float) -> None:
    rows = list(demonstrations(0, 900, slip))
    assert rows == list(demonstrations(0, 900, slip))
    assert rows != list(demonstrations(1, 900, slip))
    slipped = 0
    for row, problem in zip(rows, problems(0, "train"), strict=False):
        user, assistant = row["messages"]
        assert user == {"role": "user", "content": problem.prompt}
        assert assistant["role"] == "assistant"
        assert assistant["content"] in (problem.right, problem.slipped)
        slipped += assistant["content"] != problem.right
    possible = sum(p.right != p.slipped for p in islice(problems(0, "train"), 900))
    assert slipped == pytest.approx(slip * possible, abs=0.07 * possible)


def test_families_come_in_their_shares() -> None:
    rows = demonstrations(0, 80, 0.5, {"code": 1, "instructions": 3})
    sources = Counter(row["source"].partition(":")[2] for row in rows)
    assert sources == {"code": 20, "instructions": 60}
