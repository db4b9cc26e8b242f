"""FLAN: caps, ten templates, whole clusters held out, and exemplars that never give the answer away."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlvr.data.flan import DELIMITER, SEPARATOR, Flan, FlanConfig
from rlvr.data.make import make
from rlvr.data.templates import SETS, Template
from rlvr.errors import UserError
from rlvr.settings import load
from rlvr.tasks.sources import load_tasks

OWN = [{"input": f"T{i} {{question}}", "target": "{answer}"} for i in range(10)]


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, size in (("sums", 50), ("words", 20), ("facts", 8)):
        write(tmp_path / f"{name}.jsonl", [{"question": f"{name} q{i}", "answer": f"{name} a{i}"} for i in range(size)])
    return tmp_path


def run(folder: Path, name: str = "run", **more: Any) -> dict[str, list[dict[str, Any]]]:
    datasets = {
        stem: {"path": str(folder / f"{stem}.jsonl"), "cluster": cluster, "templates": OWN}
        for stem, cluster in (("sums", "math"), ("words", "language"), ("facts", "knowledge"))
    }
    config = load.validate(FlanConfig, {"out": folder / name, "datasets": datasets, **more})
    make(Flan, config, local=True)
    files = [path for path in (folder / name).glob("*.jsonl") if path.stem in ("train", "held_out")]
    return {path.stem: [json.loads(line) for line in path.read_text().splitlines()] for path in files}


def test_settings_may_change_until_something_is_made(folder: Path) -> None:
    with pytest.raises(UserError, match="no data set is of the cluster"):
        run(folder, held_out=["nothing"])
    made = run(folder, seed=1)
    with pytest.raises(UserError, match="other settings"):
        run(folder, seed=2)
    assert run(folder, seed=1) == made


@pytest.mark.parametrize("name", sorted(SETS))
def test_every_set_has_ten_different_templates_over_the_same_fields(name: str) -> None:
    templates = SETS[name]
    assert len(templates) == len({template.input for template in templates}) == 10
    holes = set().union(*(template.holes for template in templates))
    fields = {hole: f"<{hole}>" for hole in holes}
    for template in templates:
        given_text, target = template.fill(fields)
        assert target not in given_text, f"{template.input!r} gives its target away"


def test_each_example_is_drawn_by_the_capped_sizes(folder: Path) -> None:
    rows = run(folder, rate_cap=20, count=4800)["train"]
    counts = Counter(row["dataset"] for row in rows)
    for name, weight in (("sums", 20 / 48), ("words", 20 / 48), ("facts", 8 / 48)):
        assert abs(counts[name] - 4800 * weight) < 4 * (4800 * weight * (1 - weight)) ** 0.5
    assert len(run(folder, "default", rate_cap=20)["train"]) == 48
    templates = Counter(row["template"] for row in rows)
    assert len(templates) == 10
    assert max(abs(n - 480) for n in templates.values()) < 4 * (4800 * 0.09) ** 0.5


def test_a_data_set_gives_no_more_than_its_cap(folder: Path) -> None:
    rows = run(folder, examples_per_dataset=5, count=500)["train"]
    assert len({row["messages"][0]["content"][3:] for row in rows if row["dataset"] == "sums"}) == 5


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    held=st.sets(st.sampled_from(["math", "language", "knowledge"]), min_size=1, max_size=2),
    shots=st.integers(0, 3),
    seed=st.integers(0, 9),
)
def test_a_held_out_cluster_never_leaks(folder: Path, held: set[str], shots: int, seed: int) -> None:
    files = run(folder, f"{sorted(held)}{shots}{seed}", held_out=sorted(held), shots=shots, seed=seed, count=60)
    assert len(files["train"]) == 60
    assert {row["cluster"] for row in files["train"]} & held == set()
    assert {row["cluster"] for row in files["held_out"]} == held
    text = json.dumps(files["train"])
    names = {"math": "sums", "language": "words", "knowledge": "facts"}
    assert not any(f"{names[cluster]} q" in text for cluster in held)


def test_held_out_data_sets_become_tasks_that_judge_themselves(folder: Path) -> None:
    import verifiers

    run(folder, held_out=["knowledge"])
    tasks = load_tasks(str(folder / "run" / "held_out.jsonl"))
    assert len(tasks) == 8
    for task in tasks:
        number = task.prompt[0]["content"].rpartition("q")[2]  # type: ignore[index]
        right, wrong = f"Facts A{number}", "facts a99"
        said = [
            verifiers.verify(task.verifier, text, task.reference, **(task.params or {})).status
            for text in (right, wrong)
        ]
        assert said == ["correct", "incorrect"]


@pytest.mark.parametrize("shots", [1, 5, 30])
def test_an_exemplar_is_never_the_query(folder: Path, shots: int) -> None:
    """Also where the same row stands in the data set several times, or the same question with another answer."""
    rows = [{"question": f"q{i % 6}", "answer": f"a{i % 12}"} for i in range(24)]
    write(folder / "sums.jsonl", rows)
    seen = Counter[int]()
    for row in run(folder, shots=shots, count=300)["train"]:
        *shown, query = row["messages"][0]["content"].split(SEPARATOR)
        inputs = [part.partition(DELIMITER)[0] for part in shown]
        assert query not in inputs
        assert len(set(shown)) == len(shown) == row["shots"] <= shots
        assert {part.split()[0] for part in [*inputs, query]} == {query.split()[0]}, "one template for all"
        seen[len(shown)] += 1
    assert max(seen) == {1: 1, 5: 5, 30: 19}[shots]


def test_options_and_numbered_answers(tmp_path: Path) -> None:
    rows = [{"text": f"t{i}", "label": i % 2} for i in range(6)]
    data = {
        "path": write(tmp_path / "x.jsonl", rows),
        "cluster": "c",
        "templates": "classification",
        "options": ["bad", "good"],
    }
    config = load.validate(
        FlanConfig, {"out": tmp_path / "run", "datasets": {"x": data | {"rename": {"answer": "label"}}}, "count": 50}
    )
    make(Flan, config, local=True)
    told = [json.loads(line) for line in (tmp_path / "run" / "train.jsonl").read_text().splitlines()]
    asked = [row for row in told if row["template"] < 8]
    assert all("OPTIONS:\n- bad\n- good" in row["messages"][0]["content"] for row in asked)
    assert {row["messages"][1]["content"] for row in asked} == {"bad", "good"}
    config.datasets["x"] = config.datasets["x"].model_copy(update={"options": ("no", "yes")})
    with pytest.raises(UserError, match="other settings"):
        make(Flan, config, local=True)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"held_out": ["maths"]}, "no data set is of the cluster 'maths'; there are knowledge, language, math"),
        ({"held_out": ["math", "language", "knowledge"]}, "every cluster is held out"),
        ({"rate_cap": 0}, "rate_cap: "),
    ],
)
def test_what_makes_no_sense_is_refused(folder: Path, more: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        run(folder, **more)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"templates": "nlu"}, "templates: expected one of choice, classification|templates: expected one of nli"),
        ({"templates": "reading"}, r"sums.jsonl: row 1: no passage, which a template needs; got question, answer"),
        ({"templates": "choice"}, r"sums.jsonl: row 1: no options, which a template needs"),
        ({"templates": "question", "path": "missing.tsv"}, "missing.tsv: a TSV file needs names for its columns"),
        ({"templates": "question", "options": ["a"], "rename": {"answer": "n"}}, "no answer"),
    ],
)
def test_a_data_set_that_does_not_fit_its_templates_is_refused(
    folder: Path, data: dict[str, Any], message: str
) -> None:
    given_data = {"path": str(folder / "sums.jsonl"), "cluster": "c"} | data
    with pytest.raises(UserError, match=message):
        make(Flan, load.validate(FlanConfig, {"out": folder / "x", "datasets": {"d": given_data}}), local=True)


def test_a_template_takes_text_with_braces_as_it_is() -> None:
    template = Template(input="{question}", target="\\boxed{} {answer}")
    assert template.fill({"question": "{answer} {0}", "answer": "{x}"}) == ("{answer} {0}", "\\boxed{} {x}")
