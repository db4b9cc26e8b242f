"""Alarms go off for what they name, tell where, and stay silent in a good run."""

import json
from pathlib import Path

import pytest

from rlvr.view.alarms import alarms
from rlvr.view.run import Row

GOOD: Row = {
    "errors": 0.0, "undecided": 0.0, "truncated": 0.01, "informative": 0.6, "entropy": 0.5,
    "response_tokens": 100.0, "sampler_kl": 0.001, "reward": 0.5,
}  # fmt: skip


def rows(**changed: list[float]) -> list[Row]:
    length = max(map(len, changed.values()))
    return [
        {"step": float(i + 1), **GOOD, **{key: values[i] for key, values in changed.items() if i < len(values)}}
        for i in range(length)
    ]


@pytest.mark.parametrize(
    ("metrics", "steps", "words"),
    [
        (rows(errors=[0, 0, 0.2, 0.04, 0]), "steps 3 to 4", "verifier errors, up to 20.0%"),
        (rows(truncated=[0, 0.5, 0]), "step 2", "cut at the length limit, up to 50.0%"),
        (rows(undecided=[0, 0, 0.06]), "step 3", "undecided verdicts"),
        (rows(no_answer=[0, 0.6, 0.7]), "steps 2 to 3", "without an answer to judge, up to 70.0%"),
        (rows(repeated=[0.1, 0.95]), "step 2", "the same response to different tasks, up to 95.0%"),
        (rows(reward_by_length=[0.2, -0.95]), "step 2", "reward and length correlated, up to -0.95"),
        (rows(stale=[0.0, 0.2, 0.0]), "step 2", "too late to be trained on, up to 20.0%"),
        (rows(sampler_kl=[0, -0.4]), "step 2", "apart, up to -0.4 nats"),
        (rows(informative=[0.5, *[0.0] * 6]), "steps 2 to 7", "nothing to learn from"),
        (rows(entropy=[0.5] * 6 + [0.01] * 2), "steps 7 to 8", "fell from 0.5 to 0.01"),
        (rows(response_tokens=[100.0] * 5 + [150, 250]), "step 7", "grew from 100 to 250 tokens"),
        (
            rows(reward=[0.2, 0.5, 0.9], **{"validation/accuracy": [0.5, 0.7, 0.6]}),
            "step 3",
            "fell from 70.0% to 60.0% while the reward rose",
        ),
        (rows(strict_gap=[0.1] * 5 + [0.15, 0.25]), "step 7", "stricter verifier grew from 10.0% to 25.0%"),
    ],
)
def test_it_goes_off(metrics: list[Row], steps: str, words: str) -> None:
    [alarm] = alarms(metrics)
    assert alarm.steps == steps
    assert words in alarm.about


def test_it_is_silent_in_a_good_run_and_without_metrics(written: Path) -> None:
    lines = (written / "rl" / "metrics.jsonl").read_text().splitlines()
    metrics = [{key: float(value) for key, value in json.loads(line).items()} for line in lines]
    for row in metrics:
        row["errors"] = 0.0
    assert alarms(metrics) == []
    assert alarms([]) == []
    assert alarms([{"step": 1.0}]) == []
    assert alarms(rows(informative=[0.0] * 4)) == []
    assert alarms(rows(strict_gap=[0.1] * 5 + [0.19, 0.0, -0.5])) == []
