"""Filters find what they say, in pages that leave nothing out and show nothing twice."""

import json
import sqlite3
from pathlib import Path

import pytest

from rlvr.view import rollouts
from rlvr.view.rollouts import Filters, search


@pytest.fixture
def book(written: Path) -> Path:
    return written / "rl" / "journal.sqlite"


def ids(book: Path, **filters: object) -> list[str]:
    """Of all pages together."""
    found: list[str] = []
    before = ""
    while True:
        page = search(book, Filters.model_validate({**filters, "before": before}), size=7)
        found += [row["id"] for row in page.rows]
        assert page.total in (None, len(ids_by_sql(book, **filters)))
        if not page.after:
            return found
        before = page.after


def ids_by_sql(book: Path, **filters: object) -> list[str]:
    """The same, asked in the plainest way."""
    where = "1"
    for name, value in filters.items():
        column, _, end = name.partition("_")
        if name not in ("disagree", "q"):
            where += f" AND {column} { {'from': '>=', 'to': '<='}.get(end, '=') } {value!r}"
    with rollouts.reading(book) as db:
        rows = db.execute(f"SELECT id, reward FROM rollouts WHERE {where} ORDER BY id DESC").fetchall()
        everyone = db.execute("SELECT id, reward FROM rollouts").fetchall()
    if filters.get("disagree"):
        rewards: dict[str, set[float]] = {}
        for id, reward in everyone:
            if reward is not None:
                rewards.setdefault(rollouts.group_of(id), set()).add(reward)
        rows = [row for row in rows if len(rewards.get(rollouts.group_of(row["id"]), ())) > 1]
    return [row["id"] for row in rows]


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"status": "incorrect"},
        {"status": "error"},
        {"verifier": "code", "state": "trained"},
        {"step_from": 10, "step_to": 12},
        {"reward_from": 0.5, "verifier": "math"},
        {"reward_to": 0.0},
        {"disagree": True},
        {"disagree": True, "status": "correct", "verifier": "instructions"},
        {"status": "partial"},
    ],
)
def test_filters_and_pages_agree_with_plain_sql(book: Path, filters: dict[str, object]) -> None:
    found = ids(book, **filters)
    assert found == ids_by_sql(book, **filters)
    assert len(found) == len(set(found))


def test_text_is_found_in_responses_and_prompts(book: Path) -> None:
    with rollouts.reading(book) as db:
        rows = db.execute(
            "SELECT rollouts.id, text, tasks.task FROM rollouts JOIN tasks ON tasks.id = rollouts.task"
        ).fetchall()
    for needle in ("F(X):", "Write f", "return", "no such words", "user", "100%_"):
        wanted = {
            row["id"]
            for row in rows
            if needle.lower() in (row["text"] or "").lower()
            or needle.lower() in json.loads(row["task"])["prompt"][0]["content"].lower()
        }
        assert set(ids(book, q=needle)) == wanted, needle
        assert len(ids(book, q=needle)) == len(wanted)


def test_a_search_that_takes_too_long_says_where_it_stopped_and_goes_on(book: Path) -> None:
    everything: list[str] = []
    stops, before = 0, ""
    while True:
        page = search(book, Filters(q="return", before=before), size=1000, seconds=0.0, chunk=100)
        everything += [row["id"] for row in page.rows]
        stops += page.stopped
        if not page.after:
            break
        assert page.total is None
        before = page.after
    assert stops > 3
    assert everything == ids(book, q="return")


def test_an_empty_field_of_a_form_asks_for_nothing() -> None:
    filters = Filters.model_validate({"step_from": "", "reward_to": "", "q": "", "disagree": "", "status": "error"})
    assert filters.address() == {"status": "error"}
    assert filters.address(before="x") == {"status": "error", "before": "x"}
    assert Filters(step_from=0, disagree=True).address() == {"step_from": 0, "disagree": 1}


def test_finding_reads_one_index_and_no_token_ids(book: Path) -> None:
    with rollouts.reading(book) as db:
        where, values = rollouts._where(Filters(status="error", disagree=True, step_from=1))
        plan = " ".join(
            row["detail"]
            for row in db.execute(
                f"EXPLAIN QUERY PLAN SELECT id FROM rollouts AS r WHERE {where} AND id < ? ORDER BY id DESC LIMIT 50",
                (*values, "~"),
            )
        )
    assert plan.count("COVERING INDEX rollouts_for_readers") == 2, plan
    assert "TEMP B-TREE" not in plan


def test_a_group_and_its_neighbours(book: Path) -> None:
    rows = rollouts.group(book, "000003/0/0001")
    assert [row["id"] for row in rows] == [f"000003/0/0001/{place:03}" for place in range(4)]
    assert rollouts.neighbours(book, "000003/0/0001") == ("000003/0/0000", "000003/0/0002")
    assert rollouts.neighbours(book, "000000/0/0000")[0] == ""
    assert rollouts.group(book, "000003/0/00") == []


def test_the_journal_cannot_be_written(book: Path) -> None:
    with rollouts.reading(book) as db, pytest.raises(sqlite3.OperationalError, match="readonly"):
        db.execute("DELETE FROM rollouts")


def test_numbers_of_a_response(book: Path) -> None:
    row = rollouts.rollout(book, "000003/0/0001/002")
    assert row is not None
    told = rollouts.numbers(row)
    assert told["response"] == "2 tokens"
    assert told["weights"] == "version 3"
    assert told["log-probability"].startswith("-0.1500 a token")
