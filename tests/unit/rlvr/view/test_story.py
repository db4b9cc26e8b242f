"""The sentences follow from the numbers, bad ones included."""

from pathlib import Path

import pytest

from rlvr.view.run import Run, StageRun, Summary
from rlvr.view.story import gap_closed, tell


def run(control: str = "none", slip: float | None = None, **accuracy: float) -> Run:
    stages = {name: {"accuracy": value} for name, value in accuracy.items()}
    summary = Summary.model_validate({"stages": stages, "control": control})
    return Run(Path("demo"), summary, {} if slip is None else {"scratch": {"slip": slip}}, "", [])


def test_a_good_run() -> None:
    told = tell(run(base=0.0, sft=0.4, dpo=0.7, rl=0.95, slip=0.6))
    assert told[0] == (
        "RL on checked answers took held-out accuracy from 40.0% after SFT to 95.0%, "
        "which closes 91.7% of the gap that SFT had left."
    )
    assert "slips in 60% of its demonstrations" in told[1]


def test_without_a_weak_teacher_none_is_blamed() -> None:
    assert "weak teacher" not in " ".join(tell(run(sft=0.4, rl=0.95)))
    assert "weak teacher" not in " ".join(tell(run(sft=0.4, rl=0.95, slip=0.0)))


def test_a_run_that_did_not_improve_says_so() -> None:
    told = tell(run(sft=0.4, rl=0.35, slip=0.6))
    assert len(told) == 1
    assert "ended at 35.0% on held-out tasks, no better than the 40.0% after SFT" in told[0]


def test_a_run_without_sft_is_compared_with_where_it_began() -> None:
    assert tell(run(base=0.5, rl=0.75)) == [
        "RL on checked answers took held-out accuracy from 50.0% at the start to 75.0%."
    ]


@pytest.mark.parametrize(
    ("after", "says"), [(0.71, "it owes to its verifiers"), (0.74, "should gain no more than 3 points")]
)
def test_a_control_is_read_as_one(after: float, says: str) -> None:
    told = " ".join(tell(run("random", sft=0.4, dpo=0.7, rl=after)))
    assert says in told
    assert "closes" not in told


@pytest.mark.parametrize(
    ("accuracy", "expected"),
    [
        ({"sft": 0.5, "rl": 0.75}, 0.5),
        ({"sft": 1.0, "rl": 1.0}, None),
        ({"rl": 0.9}, None),
        ({"sft": 0.5, "rl": 0.25}, -0.5),
    ],
)
def test_gap_closed(accuracy: dict[str, float], expected: float | None) -> None:
    assert gap_closed(run(**accuracy)) == expected  # type: ignore[arg-type]


def test_nothing_yet() -> None:
    assert tell(run()) == ["Nothing has been evaluated yet."]


def test_a_single_validation_is_not_told_as_a_change() -> None:
    rl = StageRun("rl", "rl", Path("x/rl"), [{"step": 0, "validation/accuracy": 0.328}], "")
    assert list(tell(Run(Path("x"), Summary(), {}, "", [rl]))) == [
        "Validation accuracy was 32.8% at step 0, the only measurement so far."
    ]
