"""Preference pairs: which responses are paired, and what is not."""

import random
from collections.abc import Callable

from rlvr.samples import Rollout
from rlvr.stages.dpo import pair_up
from verifiers import Verdict

RIGHT, WRONG = Verdict.correct(), Verdict.incorrect("different")
SILENT, PARTLY, BROKEN = Verdict.no_answer(), Verdict.of_score(0.5), Verdict.error("broken")


def pairs(rollout: Callable[..., Rollout], *groups: list[tuple[Verdict, str]], seed: int = 0) -> list[tuple[str, str]]:
    """Texts (chosen, rejected); responses are named by group and place."""
    flat = [
        (rollout(f"{g}/{i}", (g, i), prompt_ids=(g,), text=f"{g}/{i}", finish=finish), verdict)
        for g, group in enumerate(groups)
        for i, (verdict, finish) in enumerate(group)
    ]
    made = list(pair_up([r for r, _ in flat], [v for _, v in flat], len(groups[0]), random.Random(seed)))
    for pair in made:
        [group] = pair["prompt_ids"]
        assert (pair["chosen_ids"][0], pair["rejected_ids"][0]) == (group, group)
        assert pair["chosen"] == "/".join(map(str, pair["chosen_ids"]))
    return [(pair["chosen"], pair["rejected"]) for pair in made]


def test_a_right_response_is_preferred_to_one_that_is_not(rollout: Callable[..., Rollout]) -> None:
    groups = [
        [(WRONG, "stop"), (RIGHT, "stop"), (BROKEN, "stop")],
        [(RIGHT, "stop"), (RIGHT, "stop"), (RIGHT, "stop")],
        [(WRONG, "stop"), (SILENT, "stop"), (PARTLY, "stop")],
        [(BROKEN, "stop"), (PARTLY, "length"), (RIGHT, "stop")],
        [(RIGHT, "length"), (WRONG, "stop"), (WRONG, "stop")],  # never stopped: nothing to learn to say
        [(RIGHT, "stop"), (BROKEN, "stop"), (BROKEN, "stop")],
    ]
    assert pairs(rollout, *groups) == [("0/1", "0/0"), ("3/2", "3/1")]


def test_which_of_several_is_up_to_the_seed(rollout: Callable[..., Rollout]) -> None:
    group = [(RIGHT, "stop")] * 4 + [(WRONG, "stop")] * 4
    assert pairs(rollout, group) == pairs(rollout, group)
    assert len({pairs(rollout, group, seed=seed)[0] for seed in range(30)}) > 8
