"""Tulu 3: constraints that are checked, pairs that a verifier or a judge decides, tasks with exemplars."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from rlvr.data import constraints, preferences
from rlvr.data.cost import predicted
from rlvr.data.flow import Place
from rlvr.data.record import Record
from rlvr.data.request import Reply, Request
from rlvr.data.run import Here
from rlvr.data.stage import Each
from rlvr.data.tulu3 import Tulu3, Tulu3Config
from rlvr.data.tulu3_preferences import rating
from rlvr.errors import UserError
from rlvr.tasks.sources import load_tasks
from verifiers import Verdict, verify

Produce = Callable[..., Any]
Write = Callable[..., Path]
GOOD = "Harvest winter market ocean."


@pytest.mark.parametrize("group", sorted(constraints.GROUPS))
def test_every_constraint_is_one_that_the_verifier_reads(group: str) -> None:
    for draw in constraints.GROUPS[group]:
        for seed in range(20):
            drawn = draw(Random(seed))
            verdict = verify("instructions", GOOD, constraints.reference([drawn]))
            assert verdict.status in ("correct", "incorrect", "partial"), drawn
            assert drawn.text.endswith((".", '"', *constraints.MARKERS))


def test_drawn_constraints_are_of_different_groups_and_do_not_clash() -> None:
    groups = {c(Random(0)).id: name for name, draws in constraints.GROUPS.items() for c in draws}
    seen = Counter[int]()
    for seed in range(500):
        drawn = constraints.draw(Random(seed).randint(1, 3), Random(seed))
        assert len({groups[c.id] for c in drawn}) == len(drawn)
        ids = {c.id for c in drawn}
        assert not ("change_case:english_capital" in ids and "keywords:existence" in ids)
        seen[len(drawn)] += 1
    assert set(seen) == {1, 2, 3}


def meets(prompt: str) -> str:
    """A response that meets the constraint that the tests below draw: a number of bullets, or words to use."""
    if bullets := re.search(r"exactly (\d) bullet", prompt):
        return "\n".join(["* point"] * int(bullets[1]))
    return prompt


@pytest.fixture
def personas(write: Write, teacher: dict[str, str]) -> dict[str, Any]:
    rows = [{"persona": f"a person of kind {n}"} for n in range(7)]
    return {"data": write("personas.jsonl", rows), "prompts": {"math": 5, "instructions": 40}, "writer": teacher}


def test_persona_prompts_responses_tasks_and_pairs(produce: Produce, personas: dict[str, Any], tmp_path: Path) -> None:
    first: dict[str, str] = {}

    def answer(role: str, asked: str, request: Request) -> str:
        """To every other prompt the second response, to all constraints but one, is as good as the first."""
        if "a person of kind" in asked:
            return f"Tell me of {re.search(r'kind (.)', asked)[1]}, please, number {request.sample}"  # type: ignore[index]
        name = asked.splitlines()[0]
        before = first.setdefault(name, meets(asked))
        return before if int(name.rpartition(" ")[2]) % 2 else meets(asked)

    made = produce(Tulu3, answer, personas=personas, seed=1)
    assert Counter(row["skill"] for row in made.files["sft"])["math"] == 5
    for row in [*made.files["rlvr"], *made.files["preferences"]]:
        assert len(row["prompt"]) == 1
    tasks = {json.dumps(row["prompt"]): row for row in made.files["rlvr"]}
    for row in made.files["preferences"]:
        reference = tasks[json.dumps(row["prompt"])]["reference"]
        said = [verify("instructions", row[side][0]["content"], reference).status for side in ("chosen", "rejected")]
        assert said[0] == "correct"
        assert said[1] != "correct"
        assert row["left_out"] in reference["instruction_id_list"]
    assert made.files["preferences"]
    assert made.manifest["rejected"]["rejected response fails"] > 0
    kept = Counter(row["skill"] for row in made.files["sft"])
    reasons = made.manifest["rejected"]
    assert kept["instructions"] == len(made.files["rlvr"]) == 40 - reasons.get("constraints", 0)
    assert len(made.files["preferences"]) == kept["instructions"] - reasons.get("rejected response fails", 0)
    assert load_tasks(str(tmp_path / "out" / "rlvr.jsonl"))[0].verifier == "instructions"


def test_a_persona_comes_again_only_when_all_have_come(produce: Produce, personas: dict[str, Any]) -> None:
    made = produce(Tulu3, lambda role, asked, request: "x", personas=personas | {"prompts": {"math": 17}})
    counts = Counter(row["persona"] for row in made.files["sft"])
    assert set(counts.values()) == {2, 3}
    assert len({asked for _, asked in made.asked if "kind" in asked}) == 7


def test_prompts_that_repeat_an_evaluation_item_are_rejected(
    produce: Produce, personas: dict[str, Any], write: Write
) -> None:
    item = "A train leaves the station at noon and goes at sixty miles an hour for three hours. How far does it go?"
    suite = write("suite.jsonl", [{"question": item, "answer": "180"}])

    def answer(role: str, asked: str, request: Request) -> str:
        return item if "kind 3" in asked else f"Problem of {asked[-200:]}"

    made = produce(Tulu3, answer, personas=personas | {"prompts": {"math": 14}}, decontaminate=[str(suite)])
    assert made.manifest["rejected"] == {"decontaminated": 2}
    assert len(made.files["sft"]) == 12


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"decontaminate": ["nothing.jsonl"]}, "nothing.jsonl: cannot be read"),
        ({"rlvr": {"sources": {"own": "nothing.jsonl"}}}, "nothing.jsonl: cannot be read"),
        ({"preferences": {"data": "nothing.jsonl", "count": 1}}, "preferences.data: expected a file, found none"),
    ],
)
def test_wrong_sources_are_found_before_any_call(
    produce: Produce, personas: dict[str, Any], teacher: dict[str, str], wrong: dict[str, Any], message: str
) -> None:
    wrong = {name: one | {"models": {"a": teacher}} if name == "preferences" else one for name, one in wrong.items()}
    asked = []
    with pytest.raises(UserError, match=message):
        produce(Tulu3, lambda *request: asked.append(request) or "x", personas=personas, **wrong)
    assert asked == []


def test_it_predicts_as_many_calls_as_it_makes(
    produce: Produce, personas: dict[str, Any], write: Write, teacher: dict[str, str], tmp_path: Path
) -> None:
    rows = [{"prompt": f"What about {n}?", "completion": "x"} for n in range(8)]
    settings = {
        "personas": personas | {"prompts": {"math": 5}},
        "preferences": {
            "data": write("prompts.jsonl", rows),
            "count": 8,
            "models": {"one": teacher, "two": teacher},
            "judge": teacher,
        },
    }

    numbers = iter(range(1000))
    made = produce(Tulu3, lambda *_: f"Said {next(numbers)}", **settings)
    bills = predicted(Tulu3(Tulu3Config.model_validate({"out": tmp_path, **settings})))
    assert {role: bill.answers for role, bill in bills.items()} == Counter(role for role, _ in made.asked)


def marks(*values: int) -> str:
    names = ("helpfulness", "instruction following", "honesty", "truthfulness")
    return "\n".join(f"{name}: {value}" for name, value in zip(names, values, strict=True))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (marks(5, 4, 4, 3), 4.0),
        (marks(1, 1, 1, 1).upper(), 1.0),
        ("**Helpfulness**: 5\n- Instruction Following: 5\nHonesty: 5/5\ntruthfulness: 3", 4.5),
        ("helpfulness: 5\nhonesty: 5", None),
        (marks(5, 4, 4, 3).replace("3", "9"), None),
        ("I cannot rate this.", None),
    ],
)
def test_marks_of_a_judge(said: str, expected: float | None) -> None:
    assert rating(said) == expected


def test_preferences_by_ratings_and_by_verdicts() -> None:
    rng = Random(0)
    pairs = {preferences.rated("abcd", [4.0, 2.0, None, 3.0], rng) for _ in range(50)}
    assert pairs == {("a", "b"), ("a", "d")}
    assert preferences.rated("ab", [3.0, 3.0], rng) is None
    assert preferences.rated("ab", [3.0, None], rng) is None
    right, wrong, broken = Verdict.correct(), Verdict.incorrect("different"), Verdict.error("broken")
    pairs = {
        preferences.verified("abcd", [right, wrong, broken, right], [True, True, True, False], rng) for _ in range(50)
    }
    assert pairs == {("a", "b")}
    assert preferences.verified("ab", [right, broken], [True, True], rng) is None


def test_pairs_of_several_models(produce: Produce, write: Write, teacher: dict[str, str]) -> None:
    tasks = [{"prompt": f"{n}+1?", "verifier": "math", "reference": str(n + 1), "source": "sums"} for n in range(6)]
    talk = [
        {"messages": [{"role": "user", "content": f"Tell me of {n}"}, {"role": "assistant", "content": "old"}]}
        for n in range(6)
    ]
    models = {name: teacher | {"model": name} for name in ("policy", "weak", "strong")}

    def answer(role: str, asked: str, request: Request) -> str | Reply:
        if role == "judge":
            return marks(5, 5, 5, 5) if "by strong" in asked else marks(2, 2, 2, 2)
        if asked.endswith("+1?"):
            return rf"\boxed{{{int(asked.partition('+')[0]) + (role == 'model strong')}}}"
        return f"Said by {role.removeprefix('model ')}"

    made = produce(
        Tulu3,
        answer,
        preferences={"data": write("p.jsonl", [*tasks, *talk]), "count": 12, "models": models, "judge": teacher},
    )
    rows = made.files["preferences"]
    assert Counter(row["by"] for row in rows) == {"judge": 6, "verifier math": 6}
    assert {row["chosen_model"] for row in rows} == {"strong"}
    assert {row["rejected_model"] for row in rows} == {"policy", "weak"}
    assert all(len(row["scores"]) == 4 for row in rows)
    answers = Counter(role for role, _ in made.asked)
    assert answers["judge"] == 6 * 4
    assert sum(answers[f"model {name}"] for name in models) == 12 * 4
    assert min(answers[f"model {name}"] for name in models) >= 12


def test_verifiers_run_on_the_cluster(
    produce: Produce, personas: dict[str, Any], write: Write, teacher: dict[str, str]
) -> None:
    """And not beside the requests, which they would hold up."""
    ran = []

    class Workers(Here):
        def map(self, place: Place, stages: Sequence[Each], records: Sequence[Record]) -> Iterator[list[Record]]:
            ran.extend((place.round, stage.name) for stage in stages)
            return super().map(place, stages, records)

    tasks = [{"prompt": f"{n}+1?", "verifier": "math", "reference": str(n + 1)} for n in range(3)]
    preferences = {"data": write("p.jsonl", tasks), "count": 3, "models": {"m": teacher}}
    produce(Tulu3, lambda *_: "Harvest.", shards=Workers(), personas=personas, preferences=preferences)
    assert ran == [(0, "verify"), (0, "pair"), (1, "pair")]


def test_alike_responses_give_no_pair(produce: Produce, write: Write, teacher: dict[str, str]) -> None:
    made = produce(
        Tulu3,
        lambda role, asked, request: marks(3, 3, 3, 3) if role == "judge" else "same",
        preferences={
            "data": write("p.jsonl", [{"prompt": "q", "completion": "a"}]),
            "count": 1,
            "models": {"m": teacher},
            "judge": teacher,
        },
    )
    assert made.files == {"rejected": made.files["rejected"]}
    assert made.manifest["rejected"] == {"one response is better than another": 1}


def test_tasks_with_exemplars_that_are_not_among_them(produce: Produce, write: Write) -> None:
    rows = [{"question": f"How many is {n} and {n}?", "answer": f"Twice {n}. #### {2 * n}"} for n in range(20)]
    made = produce(
        Tulu3,
        lambda *_: "",
        rlvr={"sources": {"gsm8k": f"gsm8k:{write('train.jsonl', rows)}"}, "exemplars": {"gsm8k": 8}},
    )
    found = made.files["rlvr"]
    assert len(found) == 12
    for row in found:
        text = row["prompt"][0]["content"]
        assert text.count("#### ") == 8
        assert text.count("How many is") == 9
        *_, query = text.split("\n\n")[:-1]
        assert f"#### {row['reference']}\n\n" not in text or query
    shown = {line for row in found for line in row["prompt"][0]["content"].splitlines() if line.startswith("Twice")}
    assert len(shown) == 8
    assert not {int(line.split("#### ")[1]) for line in shown} & {int(row["reference"]) for row in found}


@pytest.mark.parametrize("seed", range(4))
def test_a_contaminated_task_is_no_exemplar(produce: Produce, write: Write, seed: int) -> None:
    """And is the only one that is rejected for it."""
    item = "A train leaves at noon and goes at sixty miles an hour for three hours. How far does it go?"
    rows = [{"question": f"How many is {n} and {n}?", "answer": f"Twice {n}. #### {2 * n}"} for n in range(9)]
    rows.append({"question": item, "answer": "It is 180. #### 180"})
    made = produce(
        Tulu3,
        lambda *_: "",
        seed=seed,
        decontaminate=[str(write("suite.jsonl", [{"question": item}]))],
        rlvr={"sources": {"own": f"gsm8k:{write('train.jsonl', rows)}"}, "exemplars": {"own": 6}},
    )
    assert made.manifest["rejected"] == {"decontaminated": 1, "no exemplar": 6}
    assert len(made.files["rlvr"]) == 3
    assert not any("train" in row["prompt"][0]["content"] for row in made.files["rlvr"])
    assert "solved" not in made.files["rlvr"][0]


def test_exemplars_show_how_it_is_solved(produce: Produce, write: Write) -> None:
    rows = [{"problem": f"Double {n}.", "solution": rf"It is ${n}+{n}=\boxed{{{2 * n}}}$."} for n in range(5)]
    sources = {"math": f"math:{write('train.jsonl', rows)}"}
    [row] = produce(Tulu3, lambda *_: "", rlvr={"sources": sources, "exemplars": {"math": 4}}).files["rlvr"]
    assert row["prompt"][0]["content"].count(r"=\boxed{") == 4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "expected at least one of the sections personas, preferences and rlvr"),
        ({"rlvr": {"sources": {"a": "gsm8k"}, "exemplars": {"b": 3}}}, "rlvr.exemplars: no source 'b'; there are a"),
    ],
)
def test_what_makes_no_sense_is_refused(settings: dict[str, Any], message: str, tmp_path: Path) -> None:
    from rlvr.data.make import make
    from rlvr.settings import load

    with pytest.raises(UserError, match=message):
        make(Tulu3, load.validate(Tulu3Config, {"out": tmp_path, **settings}), local=True)
