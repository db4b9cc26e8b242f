"""Preference pairs: which responses are paired, and what is not."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from rlvr import tiny
from rlvr.config import DPO
from rlvr.samples import Rollout
from rlvr.settings.load import ConfigError
from rlvr.stages.dpo import given_pairs, pair_up
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


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("base")
    tiny.build(folder, ["one two three four"] * 9, vocabulary=300, hidden=16, layers=1, seed=0)
    return AutoTokenizer.from_pretrained(folder)


def turns(*texts: str, first: str = "user") -> list[dict[str, str]]:
    roles = ["user", "assistant"] if first == "user" else ["assistant", "user"]
    return [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]


def given(
    folder: Path, tokenizer: Any, *rows: dict[str, Any], max_tokens: int = 2048
) -> tuple[list[dict[str, Any]], int]:
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return given_pairs(DPO(data=str(folder / "pairs.jsonl"), max_tokens=max_tokens), tokenizer)


def pair(prompt: list[dict[str, str]], chosen: str = "four", rejected: str = "three") -> dict[str, Any]:
    return {
        "prompt": prompt,
        "chosen": turns(chosen, first="assistant"),
        "rejected": turns(rejected, first="assistant"),
    }


def test_the_answer_is_what_comes_last(tmp_path: Path, tokenizer: Any) -> None:
    """Also where an earlier turn is the assistant's: a pair cut before the answer would compare that with itself."""
    short, long = pair(turns("one")), pair(turns("one", "two " * 40, "three"))
    both, _ = given(tmp_path, tokenizer, short, long)
    assert [tokenizer.decode(both[1][side]).split("<")[0] for side in ("chosen_ids", "rejected_ids")] == [
        "four",
        "three",
    ]
    room = len(both[1]["prompt_ids"])
    assert given(tmp_path, tokenizer, short, long, max_tokens=room) == (both[:1], 1)
    [_, cut], _ = given(tmp_path, tokenizer, short, long, max_tokens=room + 1)
    assert cut == both[1] | {side: both[1][side][:1] for side in ("chosen_ids", "rejected_ids")}


def test_rows_that_are_no_pairs_are_one_line(tmp_path: Path, tokenizer: Any) -> None:
    two = pair(turns("one")) | {"chosen": turns("a", "b", "c", first="assistant")}
    for row in (two, pair(turns("one")) | {"rejected": []}):
        with pytest.raises(ConfigError, match=r"row 1: expected one answer of the assistant on either side"):
            given(tmp_path, tokenizer, row)
    with pytest.raises(ConfigError, match=r"row 1: expected `prompt`, `chosen`, `rejected` as chat messages"):
        given(tmp_path, tokenizer, {"prompt": "one"})
    with pytest.raises(ConfigError, match=r"all 1 prompts fill max_tokens \(3\) by themselves"):
        given(tmp_path, tokenizer, pair(turns("one two three four one two three")), max_tokens=3)
