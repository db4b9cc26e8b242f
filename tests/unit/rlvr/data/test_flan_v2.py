"""FLAN v2: shares and styles, few-shot packing, input inversion, and lists of answers whose label is the target."""

import json
import math
import os
import re
from collections import Counter
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import pytest

from rlvr.data.flan import DELIMITER, SEPARATOR
from rlvr.data.flan_v2 import CAPS, ITEMS, SHARES, FlanV2, FlanV2Config, Listing, fitting, length, weights
from rlvr.data.labelled import Labelled
from rlvr.data.make import make
from rlvr.errors import UserError
from rlvr.settings import load

PLAIN = [{"input": "T {question}", "target": "{answer}"}]
PARTS = ("flan2021", "t0", "niv2", "cot", "dialog")


def near(found: int, count: int, share: float) -> bool:
    """Within four standard errors."""
    return abs(found - count * share) < 4 * math.sqrt(count * share * (1 - share))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part in PARTS:
        rows = [{"question": f"{part} q{i}", "answer": f"{part} a{i}", "rationale": f"r{i}"} for i in range(40)]
        (tmp_path / f"{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def settings(folder: Path, **more: Any) -> FlanV2Config:
    datasets: dict[str, Any] = {
        part: {"path": str(folder / f"{part}.jsonl"), "cluster": "c", "submixture": part, "templates": PLAIN}
        for part in PARTS
    }
    datasets["cot"] |= {"templates": "reasoning", "inverted": "reasoning_inverted"}
    return load.validate(FlanV2Config, {"out": folder / "run", "count": 2000, "datasets": datasets} | more)


def rows(config: FlanV2Config, file: str = "train") -> list[dict[str, Any]]:
    make(FlanV2, config, local=True)
    return [json.loads(line) for line in (config.out / f"{file}.jsonl").read_text().splitlines()]


def test_weights_are_the_formula(folder: Path) -> None:
    config = settings(folder)
    sizes = {"flan2021": 50_000, "t0": 20_000, "niv2": 9_999, "cot": 300, "dialog": 7}
    config = config.model_copy(update={"datasets": config.datasets | {"niv2 too": config.datasets["niv2"]}})
    found = weights(config, sizes | {"niv2 too": 1_000})
    exact = {
        "flan2021": Fraction("0.40"),
        "t0": Fraction("0.32"),
        "niv2": Fraction("0.20") * Fraction(5_000, 6_000),
        "niv2 too": Fraction("0.20") * Fraction(1_000, 6_000),
        "cot": Fraction("0.05") / Fraction("1.3"),
        "cot-inverted": Fraction("0.05") * Fraction("0.3") / Fraction("1.3"),
        "dialog": Fraction("0.03"),
    }
    assert found.keys() == exact.keys()
    assert all(abs(found[name] - value) <= 1e-12 for name, value in exact.items())
    assert sum(SHARES.values()) == pytest.approx(1)
    assert CAPS == {"flan2021": 30_000, "t0": 20_000, "niv2": 5_000, "cot": 100_000, "dialog": 200_000}


def test_without_a_sub_mixture_the_others_keep_their_proportions(folder: Path) -> None:
    config = settings(folder)
    datasets = {name: task for name, task in config.datasets.items() if name in ("t0", "niv2")}
    found = weights(config.model_copy(update={"datasets": datasets}), {"t0": 10, "niv2": 99})
    assert found == {"t0": pytest.approx(32 / 52), "niv2": pytest.approx(20 / 52)}


def test_shares_and_styles_of_what_is_drawn(folder: Path) -> None:
    found = rows(settings(folder))
    count = len(found)
    parts = Counter(row["submixture"] for row in found)
    assert all(near(parts[part], count, share) for part, share in SHARES.items()), parts
    for part in ("flan2021", "t0"):
        styles = Counter((row["few_shot"], row["listed"]) for row in found if row["submixture"] == part)
        assert len(styles) == 4
        assert all(near(n, parts[part], 0.25) for n in styles.values()), styles
    others = [row for row in found if row["submixture"] in ("niv2", "cot", "dialog")]
    assert all(row["listed"] for row in others)
    assert near(sum(row["few_shot"] for row in others), len(others), 0.5)
    inverted = Counter(row["task"] for row in found if row["submixture"] == "cot")
    assert near(inverted["cot-inverted"], parts["cot"], 0.3 / 1.3)


def test_exemplars_share_the_template_and_are_never_the_query(folder: Path) -> None:
    found = [
        row for row in rows(settings(folder, count=600)) if row["submixture"] in ("flan2021", "t0", "niv2", "dialog")
    ]
    seen: set[int] = set()
    for row in found:
        *shown, query = row["messages"][0]["content"].split(SEPARATOR)
        assert len(shown) == row["shots"]
        assert bool(shown) == row["few_shot"]
        assert all(shot.startswith("T ") and DELIMITER in shot for shot in shown)
        assert query not in [shot.partition(DELIMITER)[0] for shot in shown]
        assert len(set(shown)) == len(shown)
        seen.add(len(shown))
    assert seen >= {0, 1, 5, 10}
    assert max(seen) == 10


def test_a_question_with_another_answer_is_no_exemplar_of_itself(folder: Path) -> None:
    twice = [{"question": f"q{i % 5}", "answer": f"a{i}"} for i in range(20)]
    (folder / "t0.jsonl").write_text("".join(json.dumps(row) + "\n" for row in twice))
    config = settings(folder, count=300)
    for row in rows(config.model_copy(update={"datasets": {"t0": config.datasets["t0"]}})):
        *shown, query = row["messages"][0]["content"].split(SEPARATOR)
        assert query not in [shot.partition(DELIMITER)[0] for shot in shown]


def test_exemplars_are_packed_to_the_length_and_what_does_not_fit_is_rejected(folder: Path) -> None:
    config = settings(folder, count=800, max_input_tokens=13, max_target_tokens=3)
    found = rows(config)
    assert max(length(row["messages"][0]["content"]) for row in found) <= 14
    assert {row["shots"] for row in found} >= {0, 1}
    reasons = Counter(row["meta"]["rejected"] for row in rows(config, "rejected"))
    assert reasons.keys() == {"input too long", "target too long", "no exemplar fits"}
    assert fitting(["a" * 30, "b" * 30, "c"], 18) == ["a" * 30, "b" * 30]
    assert fitting(["a" * 300, "b"], 20) == []


@pytest.mark.parametrize("item", ITEMS)
def test_a_list_of_answers_and_its_target(item: str) -> None:
    way = Listing("OPTIONS:", item, "")
    options = ["red", "green", "blue"]
    lines = way.write(options).splitlines()[1:]
    target = way.target("green", options)
    named = len(set(way.labels(options))) == 3
    assert target == (way.labels(options)[1] if named else "green")
    assert [line for line in lines if re.search(rf"(?<!\w){target}(?!\w)", line)] == [lines[1]]
    assert all(line.endswith(option) for line, option in zip(lines, options, strict=True))
    assert way.target("What is it?", options) == "What is it?"


def test_long_lists_of_answers_are_numbered() -> None:
    options = [f"o{i}" for i in range(40)]
    assert Listing("", "({letter}) ", "").target("o39", options) == "40"


def test_answers_to_choose_from_are_there_or_not(tmp_path: Path) -> None:
    data = [{"text": f"text {i}", "answer": ["bad", "good"][i % 2]} for i in range(30)]
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in data))
    task = {"path": str(tmp_path / "x.jsonl"), "cluster": "c", "submixture": "t0", "templates": "classification"}
    config = load.validate(
        FlanV2Config, {"out": tmp_path / "run", "count": 400, "datasets": {"x": task | {"options": ["bad", "good"]}}}
    )
    for row in rows(config):
        text, target = (message["content"] for message in row["messages"])
        if row["template"] < 8:
            assert ("bad" in text and "good" in text) or row["few_shot"] or not row["listed"]
            assert target in (["bad", "good", "A", "B", "1", "2"] if row["listed"] else ["bad", "good"])
        assert "\n\n\n\n" not in text


def test_an_unknown_set_of_templates_is_refused(folder: Path) -> None:
    config = settings(folder)
    wrong = config.datasets["cot"].model_copy(update={"inverted": "reasoning_invert"})
    with pytest.raises(UserError, match="inverted: expected one of nli, "):
        make(FlanV2, config.model_copy(update={"datasets": {"cot": wrong}}), local=True)


@pytest.mark.skipif("RLVR_TEST_DATA" not in os.environ, reason="RLVR_TEST_DATA names no folder of data sets")
@pytest.mark.parametrize(("name", "count"), [("gsm8k", 7473), ("aqua", 2728), ("strategyqa", 2061), ("qasc", 1084)])
def test_the_published_chains_of_thought_are_read(name: str, count: int) -> None:
    path = Path(os.environ["RLVR_TEST_DATA"]) / "flan" / "cot_data" / f"{name}_train.tsv"
    columns = ("question", "answer", "rationale")
    found = Labelled(path=str(path), cluster="cot", templates="reasoning", columns=columns).read()
    assert len(found) == count
    assert {frozenset(row) for row in found} == {frozenset((*columns, "options"))}
    assert Random(0).choice(found)["rationale"]
