"""LIMA: exactly as many as asked for, of every source and kind; better and more diverse than a random pick."""

import json
from collections import Counter
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

import pytest

from rlvr.data import choosing
from rlvr.data.lima import Lima, LimaConfig, quality, without_markup
from rlvr.data.make import make
from rlvr.errors import UserError
from rlvr.settings import load

TOPICS = ["garden", "engine", "violin", "planet", "bread", "river"]


def answer(rng: Random, topic: str, good: bool) -> str:
    """Good ones go into the matter with varied words; bad ones repeat themselves."""
    size = 260 if good else 30
    vocabulary = [f"{topic}{rng.randrange(400)}" for _ in range(size)]
    said = [rng.choice(vocabulary) for _ in range(200)]
    return f"About the {topic}: " + " ".join(said) + ("." if good else "")


def community(seed: int, count: int) -> list[dict[str, Any]]:
    """Topics of very different frequency; near copies among them."""
    rng = Random(seed)
    found: list[dict[str, Any]] = []
    for i in range(count):
        topic = TOPICS[min(int(rng.expovariate(0.9)), len(TOPICS) - 1)]
        text = (
            found[-1]["answer"] + " More." if found and rng.random() < 0.3 else answer(rng, topic, rng.random() < 0.5)
        )
        found.append({"title": f"How does a {topic} work? {i}", "answer": text, "score": 20, "category": topic})
    return found


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def run(folder: Path, **more: Any) -> dict[str, list[dict[str, Any]]]:
    config = load.validate(LimaConfig, {"out": folder / "run", **more})
    make(Lima, config, local=True)
    names = [path for path in (folder / "run").glob("*.jsonl") if path.stem in ("train", "dev", "rejected")]
    return {path.stem: [json.loads(line) for line in path.read_text().splitlines()] for path in names}


def source(folder: Path, name: str, rows: list[dict[str, Any]], quota: int, **more: Any) -> dict[str, Any]:
    return {"path": write(folder / f"{name}.jsonl", rows), "quota": quota, "kind": "community", **more}


def test_exactly_the_quotas(tmp_path: Path) -> None:
    sources = {
        "stem": source(tmp_path, "stem", community(0, 500), 60),
        "other": source(tmp_path, "other", community(1, 300), 40),
        "wiki": source(tmp_path, "wiki", community(2, 200), 20, kind="article"),
    }
    files = run(tmp_path, sources=sources, dev=12)
    assert Counter(row["origin"] for row in files["train"]) == {"stem": 60, "other": 40, "wiki": 20}
    assert Counter(row["origin"] for row in files["dev"]) == {"stem": 6, "other": 4, "wiki": 2}
    ids = [row["id"] for rows in files.values() for row in rows]
    assert len(ids) == len(set(ids)) == 1000
    kinds = Counter(row["category"] for row in files["train"] if row["origin"] == "stem")
    sizes = Counter(row["category"] for row in community(0, 500))
    assert min(kinds.values()) / max(kinds.values()) > 2 * min(sizes.values()) / max(sizes.values())


def test_better_and_more_diverse_than_random_picks(tmp_path: Path) -> None:
    rows = [row | {"category": ""} for row in community(3, 600)]
    files = run(tmp_path, sources={"stem": source(tmp_path, "stem", rows, 60)}, dev=0)
    everything = [row["messages"] for name in ("train", "rejected") for row in files[name]]
    texts = [question["content"] + "\n" + reply["content"] for question, reply in everything]
    near = choosing.vectors(texts)
    worth = [quality(question["content"], reply["content"]) for question, reply in everything]
    mine = list(range(60))
    for seed in range(20):
        pick = Random(seed).sample(range(600), 60)
        assert fmean(worth[i] for i in mine) > fmean(worth[i] for i in pick)
        assert choosing.similarity(near[mine]) < choosing.similarity(near[pick])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"score": 9}, "score"),
        ({"answer": "w" * 1200}, "length"),
        ({"answer": "w" * 1201}, None),
        ({"answer": "w" * 4095}, None),
        ({"answer": "w" * 4096}, "length"),
        ({"answer": "I think " + "w " * 900}, "first person"),
        ({"answer": "In my view " + "w " * 900}, "first person"),
        ({"answer": "Institute of mynah birds " + "w " * 900}, None),
        ({"answer": "As the accepted answer says " + "w " * 900}, "reference to other answers"),
        ({"answer": "@bob is right " + "w " * 900}, "reference to other answers"),
        ({"answer": "See Stack Overflow " + "w " * 900}, "reference to other answers"),
    ],
)
def test_filters_of_form(tmp_path: Path, change: dict[str, Any], reason: str | None) -> None:
    row = {"title": "Why?", "answer": "It is so. " * 200, "score": 10} | change
    filler = {"title": "How?", "answer": "That works. " * 180, "score": 10}
    files = run(tmp_path, sources={"s": source(tmp_path, "s", [row, filler], 1)}, dev=0)
    found = {r["messages"][0]["content"]: r["meta"]["rejected"] for rows in files.values() for r in rows}
    assert found["Why?"] in ((None, "chosen") if reason is None else (reason,))


def test_a_judged_quality_goes_before_ours(tmp_path: Path) -> None:
    rows = [row | {"quality": 0.9 if i == 17 else 0.1, "category": ""} for i, row in enumerate(community(4, 40))]
    files = run(tmp_path, sources={"s": source(tmp_path, "s", rows, 1, kind="curated")}, dev=0)
    assert [row["messages"][0]["content"] for row in files["train"]] == [rows[17]["title"]]


def test_any_scale_of_quality_will_do(tmp_path: Path) -> None:
    """A reward model's may be below 0 throughout."""
    rows = [row | {"quality": i / 10 - 9, "category": ""} for i, row in enumerate(community(4, 80))]
    files = run(tmp_path, sources={"s": source(tmp_path, "s", rows, 30, kind="curated")}, dev=5)
    assert {name: len(found) for name, found in files.items()} == {"train": 30, "dev": 5, "rejected": 45}
    assert fmean(row["quality"] for row in files["train"]) > fmean(row["quality"] for row in files["rejected"])


def test_the_quota_does_not_bound_what_is_set_apart(tmp_path: Path) -> None:
    files = run(tmp_path, sources={"s": source(tmp_path, "s", community(4, 100), 30, kind="curated")})
    assert (len(files["train"]), len(files["dev"])) == (30, 50)


def test_articles_are_balanced_over_their_categories(tmp_path: Path) -> None:
    rows = [row | {"category": "rare" if i % 10 == 0 else "common"} for i, row in enumerate(community(6, 200))]
    files = run(tmp_path, sources={"s": source(tmp_path, "s", rows, 20, kind="article")}, dev=0)
    assert Counter(row["category"] for row in files["train"]) == {"rare": 10, "common": 10}


@pytest.mark.parametrize("change", [{"score": "12"}, {"quality": "high"}, {"quality": float("nan")}, {"body": 5}])
def test_columns_of_another_type_are_one_line(tmp_path: Path, change: dict[str, Any]) -> None:
    rows = community(5, 3)
    rows[1] |= change
    with pytest.raises(UserError, match=rf"s.jsonl: row 2: expected a (number|text) `{next(iter(change))}`, got"):
        run(tmp_path, sources={"s": source(tmp_path, "s", rows, 1)}, dev=0)


def test_too_few_examples_are_said_so(tmp_path: Path) -> None:
    rows = [row | {"score": i} for i, row in enumerate(community(5, 20))]
    with pytest.raises(UserError, match=r"sources.s: expected at least 15 examples that pass the filters, got "):
        run(tmp_path, sources={"s": source(tmp_path, "s", rows, 15)}, dev=0)


def test_shares_of_kinds_follow_the_temperature() -> None:
    sizes = {"a": 8000, "b": 1000, "c": 1}
    assert choosing.allocate(sizes, 90, 1.0) == {"a": 80, "b": 10, "c": 0}
    assert choosing.allocate(sizes, 31, 3.0) == {"a": 20, "b": 10, "c": 1}
    assert choosing.allocate(sizes, 9001, 3.0) == sizes
    for count in range(60):
        assert sum(choosing.allocate({"x": 7, "y": 30, "z": 23}, count, 2.0).values()) == count


def test_markup_goes_and_code_and_lists_stay() -> None:
    given = (
        '<p>See <a href="http://x.y">this page</a>:</p><ul><li>one</li><li>two</li></ul>'
        "<pre><code>a &lt; b\nc</code></pre> and <code>f(x)</code> ![pic](u.png) [text](http://u) https://z.z/q end"
    )
    assert without_markup(given) == ("See this page:\n\n- one\n- two\n\n```\na &lt; b\nc\n```\n and `f(x)`  text  end")
