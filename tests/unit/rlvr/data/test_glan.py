"""From a taxonomy to questions: nothing is asked again, no choice of concepts comes twice, and counts add up."""

import json
from collections import Counter
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

import pytest

from rlvr.data.glan import Glan, choices, json_rows, read_taxonomy
from rlvr.data.request import Request
from rlvr.errors import UserError

SUBJECTS, SESSIONS, CONCEPTS = 3, 4, 3


def professor(role: str, asked: str, request: Request) -> str:
    """Fixed subjects and syllabi, with the faults that models make of JSON Lines."""
    if asked.startswith("You plan"):
        return f"subjects of {asked.split('student of ')[1].split(' (')[0]}"
    if "subjects below" in asked:
        name = asked.split("subjects of ")[1].strip()
        rows = [
            json.dumps({"subject": f"{name} {n}", "level": "first year", "subtopics": ["a", "b"]})
            for n in range(SUBJECTS)
        ]
        return (
            "Here you are:\n```\n"
            + ",\n".join(rows)
            + '\n{"subject": "broken\n'
            + rows[0].upper().replace("NULL", "null")
            + "\n```"
        )
    if asked.startswith("You are an expert"):
        return f"syllabus of {asked.split('subject ')[1]}"
    if "syllabus below" in asked:
        rows = [{"session": f"S{n}", "concepts": [f"k{n}{c}" for c in range(CONCEPTS)]} for n in range(SESSIONS)]
        return "\n".join(map(json.dumps, [*rows, {"session": "empty", "concepts": []}]))
    return f"Q: {asked}" if asked.startswith("You teach") else "A."


@pytest.fixture
def settings(teacher: dict[str, str]) -> dict[str, Any]:
    return {"teacher": teacher, "helper": teacher | {"model": "h"}, "questions": 20}


def taxonomy(path: Path, *disciplines: str) -> Path:
    path.write_text(json.dumps({"Field": {"Part": list(disciplines)}}))
    return path


def test_counts_add_up(produce: Callable[..., Any], settings: dict[str, Any], tmp_path: Path) -> None:
    made = produce(Glan, professor, taxonomy=taxonomy(tmp_path / "t.json", "Optics", "Law"), **settings)
    rows = made.files["dataset"]
    assert len(rows) == 2 * SUBJECTS * 20
    assert Counter((row["discipline"], row["subject"]) for row in rows) == {
        (name, f"{name} {n}"): 20 for name in ("Optics", "Law") for n in range(SUBJECTS)
    }
    assert made.manifest["coverage"]["Law"] == {"subjects": SUBJECTS, "questions": SUBJECTS * 20}
    assert Counter(row["meta"]["operation"] for row in rows) == {"single": len(rows) / 2, "across": len(rows) / 2}
    chosen = [(row["subject"], json.dumps(row["chosen"])) for row in rows]
    assert len(set(chosen)) == len(chosen)
    assert Counter(role for role, _ in made.asked) == {
        "teacher": 2 * (10 + SUBJECTS) + len(rows),
        "helper": 2 * (10 + SUBJECTS) + len(rows),
    }


def test_a_new_discipline_asks_nothing_for_the_others(
    produce: Callable[..., Any], settings: dict[str, Any], tmp_path: Path
) -> None:
    before = produce(Glan, professor, taxonomy=taxonomy(tmp_path / "t.json", "Optics", "Law"), **settings)
    after = produce(Glan, professor, taxonomy=taxonomy(tmp_path / "t.json", "Optics", "Chess", "Law"), **settings)
    assert after.asked
    assert not [asked for _, asked in after.asked if "Optics" in asked or "Law" in asked]
    assert after.files["dataset"][: len(before.files["dataset"])] == before.files["dataset"]
    assert {row["discipline"] for row in after.files["dataset"][len(before.files["dataset"]) :]} == {"Chess"}
    again = produce(Glan, professor, taxonomy=taxonomy(tmp_path / "t.json", "Optics", "Chess", "Law"), **settings)
    assert again.asked == []


@pytest.mark.parametrize(("sizes", "most"), [((3, 3), 2), ((4,), 5), ((1, 1, 1), 5), ((2, 0, 3), 3), ((6, 6, 6), 5)])
@pytest.mark.parametrize("count", [1, 7, 100_000])
def test_choices_are_different_and_as_many_as_there_are(sizes: tuple[int, ...], most: int, count: int) -> None:
    found = choices(sizes, min(count, 4000), 0.5, most, Random(0))
    assert len(set(found)) == len(found)
    total = sum(1 for _ in possible(sizes, most))
    assert len(found) == min(min(count, 4000), total)
    assert set(found) <= set(possible(sizes, most))


def possible(sizes: tuple[int, ...], most: int) -> Any:
    """Every choice, the plain way."""
    parts = {n: [c for k in range(1, size + 1) for c in combinations(range(size), k)] for n, size in enumerate(sizes)}
    yield from (((n, c),) for n, all_of in parts.items() for c in all_of if len(c) <= most)
    for a, b in combinations(parts, 2):
        yield from (((a, c), (b, d)) for c in parts[a] for d in parts[b] if len(c) + len(d) <= most)


def test_rows_are_read_in_every_layout() -> None:
    reply = 'Sure!\n```json\n{"a": 1},\n[{"a": 2}]\n{"a": \n{"b": 3}\n  {"a": 4}\n```'
    assert list(json_rows(reply, "a")) == [{"a": 1}, {"a": 2}, '{"a": ', '{"b": 3}', {"a": 4}]
    rows = [{"a": "x } {"}, {"a": 2}]
    for layout in (rows, {"rows": rows}):
        assert list(json_rows(json.dumps(layout, indent=1), "a")) == rows
        assert list(json_rows(json.dumps(layout), "a")) == rows


def test_rows_that_cannot_be_read_are_counted(
    produce: Callable[..., Any], settings: dict[str, Any], tmp_path: Path
) -> None:
    made = produce(Glan, professor, taxonomy=taxonomy(tmp_path / "t.json", "Optics"), subject_lists=2, **settings)
    assert made.manifest["rejected"] == {"row": 4}
    assert {row["row"][:10] for row in made.files["rejected"]} == {'{"subject"', '{"SUBJECT"'}
    assert len(made.files["dataset"]) == SUBJECTS * 20


def test_the_shipped_taxonomy() -> None:
    nodes = read_taxonomy(None)
    assert len(nodes) == 126
    assert all(len(node) == 3 for node in nodes)


@pytest.mark.parametrize("text", ['{"a": ["x", "x"]}', '{"a": "x"}', '{"a": [1]}', "{", "[]"])
def test_a_taxonomy_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.json").write_text(text)
    if text == "[]":
        assert read_taxonomy(tmp_path / "t.json") == []
        return
    with pytest.raises(UserError, match="taxonomy"):
        read_taxonomy(tmp_path / "t.json")
