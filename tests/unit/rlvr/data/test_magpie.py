"""Queries out of nothing: each its own sample, rated, and new."""

from collections.abc import Callable
from typing import Any

from rlvr.data.magpie import Magpie
from rlvr.data.request import Reply, Request


def test_queries_are_sampled_rated_and_new(produce: Callable[..., Any], teacher: dict[str, str]) -> None:
    seen = set()

    def answer(role: str, asked: str, request: Request) -> Reply:
        if request.prompt is not None:
            assert (request.prompt, request.sampling.stop) == ("<user>", ("<end>",))
            seen.add(request.sample)
            n = request.sample
            query = "again the same old query" if n % 5 == 4 else f"  word{n} thing{n} question{n}?"
            return Reply(query, "length" if n % 5 == 3 else "stop")
        if asked.startswith("How good"):
            return Reply("Poor." if "word0 " in asked else "Excellent")
        return Reply(f"on {asked}")

    made = produce(
        Magpie, answer, teacher=teacher, before_query="<user>", after_query="<end>", instructions=36, batch=20
    )
    assert seen == set(range(60))  # three rounds: 12, 13 and 12 kept, and then enough
    kept = [row["instruction"] for row in made.files["dataset"]]
    assert kept[:3] == ["word1 thing1 question1?", "word2 thing2 question2?", "again the same old query"]
    assert made.manifest["rejected"] == {"whole": 12, "similarity": 11, "rating": 1}
    assert made.files["dataset"][0]["messages"][1]["content"] == "on word1 thing1 question1?"


def test_it_ends_when_nothing_new_comes(produce: Callable[..., Any], teacher: dict[str, str]) -> None:
    made = produce(
        Magpie, lambda *_: "good", teacher=teacher, before_query="<u>", after_query="<e>", batch=10, patience=2
    )
    assert made.manifest["rounds"] == 3
    assert len(made.files["dataset"]) == 1
