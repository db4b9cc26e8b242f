"""The pages: what they show, what they refuse, and that nothing a model wrote gets out of its place."""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from rlvr.records.folder import ALIVE
from rlvr.view import runs
from rlvr.view.app import create_app

LOCAL = "http://localhost"
KIT = run_path(str(Path(__file__).with_name("pages.py")))
Page, HOSTILE = KIT["Page"], KIT["HOSTILE"]


@pytest.fixture
def client(demo: Path) -> Iterator[TestClient]:
    with TestClient(create_app(demo.parent), base_url=LOCAL) as client:
        yield client


def page(client: TestClient, address: str, status: int = 200) -> Any:
    answer = client.get(address)
    assert answer.status_code == status, answer.text[:500]
    return Page(answer.text)


def links(found: Any) -> list[str]:
    return [value or "" for name, value in found.attributes if name in ("href", "src", "action")]


def test_every_link_leads_somewhere_and_nowhere_else(client: TestClient) -> None:
    seen = followed(client)
    for part in ("/-/rollouts/", "/-/groups/", "/assets/plotly.min.js", "disagree=1", "status=error", "step_from"):
        assert any(part in address for address in seen), part


@pytest.mark.parametrize("name", ["a#b", "a?b=c", "50% &+", "\N{LATIN SMALL LETTER E WITH ACUTE} \N{SNOWMAN}"])
@pytest.mark.parametrize("alone", [True, False])
def test_a_run_may_have_any_name(demo: Path, name: str, alone: bool) -> None:
    run = demo.rename(demo.parent / name)
    with TestClient(create_app(run if alone else run.parent), base_url=LOCAL) as client:
        assert any("/-/rollouts/" in address for address in followed(client))


def test_a_name_that_is_no_text_hides_no_other(client: TestClient, demo: Path) -> None:
    (demo.parent / os.fsdecode(b"\xff")).mkdir()
    (demo.parent / os.fsdecode(b"\xff") / "metrics.jsonl").touch()
    assert "demo" in page(client, "/").text


def followed(client: TestClient) -> set[str]:
    """Follows links from the list of runs to the last page, one of each kind with each set of parameters."""
    seen: set[str] = set()
    kinds: set[str] = set()
    left = ["/"]
    while left:
        address = left.pop()
        kind = re.sub(r"\d+", "0", address)
        if address in seen or kind in kinds:
            continue
        seen.add(address)
        kinds.add(kind)
        answer = client.get(address)
        assert answer.status_code == 200, address
        if answer.headers["content-type"].startswith("text/html"):
            for link in links(Page(answer.text)):
                assert link.startswith(("/", "#", "data:,")), f"{address} leads to {link}"
                left.append(link) if link.startswith("/") else None
    return seen


def test_the_list_of_runs(client: TestClient, demo: Path) -> None:
    found = page(client, "/")
    assert "demo" in found.text
    assert "60" in found.text
    assert "96.7%" in found.text


def test_what_is_not_ours_to_look_into_hides_nothing_else(client: TestClient, demo: Path) -> None:
    """Neither a locked folder, nor links whose ends cannot even be looked for, of a run or of one that might be one."""
    nowhere = "x" * 300
    (demo.parent / "locked").mkdir(mode=0)
    (demo.parent / nowhere[:9]).symlink_to(nowhere)
    for folder in (demo.parent / "other", demo / "more"):
        folder.mkdir()
        for name in ("metrics.jsonl", "summary.json", "config.toml", "below"):
            (folder / name).symlink_to(nowhere)
    assert "demo" in page(client, "/").text
    assert "60" in page(client, "/r/demo").text
    assert "no run" in page(client, "/r/other", 404).text
    assert runs.stamp(demo.parent / "other") == (0.0,) * 5


def test_a_single_run_is_shown_at_once(demo: Path) -> None:
    with TestClient(create_app(demo), base_url=LOCAL) as client:
        assert client.get("/").url.path == "/r/demo"


def test_the_run_tells_its_story_and_its_curves(client: TestClient) -> None:
    found = page(client, "/r/demo")
    assert "closes 94.4% of the gap" in found.text
    assert "Step 17: verifier errors" not in found.text  # 0.4% is below the alarm
    body = client.get("/r/demo/-/curves.json")
    charts = body.json()["charts"]
    assert set(charts) == {
        value for name, value in found.attributes if name == "id" and re.fullmatch(r"(rl|dpo|sft)-\d+", value or "")
    }
    reward = charts["rl-0"]["series"]
    assert {series["name"] for series in reward} == {"math", "code", "instructions"}
    assert reward[0]["x"] == [float(step) for step in range(1, 61)]
    assert client.get("/r/demo/-/curves.json", headers={"If-None-Match": body.headers["etag"]}).status_code == 304


def test_a_run_that_goes_on_is_live_until_its_summary(client: TestClient, demo: Path) -> None:
    assert client.get("/r/demo/-/curves.json").json()["live"] is False
    (demo / "summary.json").unlink()
    first = client.get("/r/demo/-/curves.json")
    assert first.json()["live"] is True
    assert first.json()["status"] == "RL: step 60"
    with (demo / "rl" / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"step": 61, "total": 90, "reward": 1.0, "reward/math": 1.0}) + "\n")
    after = client.get("/r/demo/-/curves.json", headers={"If-None-Match": first.headers["etag"]})
    assert after.json()["status"] == "RL: step 61 of 90"
    assert after.json()["charts"]["rl-0"]["series"][0]["x"][-1] == 61
    assert "running" in page(client, "/").text


def test_a_step_that_takes_long_is_no_end(client: TestClient, demo: Path) -> None:
    (demo / "summary.json").unlink()
    for file in demo.rglob("*.*"):
        os.utime(file, (0, 0))
    assert client.get("/r/demo/-/curves.json").json()["live"] is False
    (demo / "rl" / ALIVE).touch()
    assert client.get("/r/demo/-/curves.json").json()["live"] is True


def test_a_finished_run_that_is_resumed_is_live(client: TestClient, demo: Path) -> None:
    """Before it has written anything: somebody is at work on it."""
    assert client.get("/r/demo/-/curves.json").json()["live"] is False
    (demo / ALIVE).touch()
    assert client.get("/r/demo/-/curves.json").json()["live"] is True


def test_a_run_without_a_row_is_followed_as_well(client: TestClient, demo: Path) -> None:
    (demo / "summary.json").unlink()
    for file in demo.rglob("metrics.jsonl"):
        file.write_text("")
    found = page(client, "/r/demo")
    assert ("data-curves", "/r/demo/-/curves.json") in found.attributes
    assert client.get("/r/demo/-/curves.json").json() == {"live": True, "status": "starting", "charts": {}}


def test_filters_of_the_address_are_those_of_the_form(client: TestClient) -> None:
    found = page(client, "/r/demo/-/rollouts?status=incorrect&verifier=code&step_from=3&disagree=1&q=return")
    assert ("checked", None) in found.attributes
    assert found.attributes.count(("selected", None)) == 2
    assert ("value", "3") in found.attributes
    assert ("value", "return") in found.attributes
    assert page(client, "/r/demo/-/rollouts?status=error").text.count("000016/0/0001/003") == 1


def test_a_verification_in_full(client: TestClient) -> None:
    found = page(client, "/r/demo/-/rollouts/000016/0/0001/003")
    assert "no score: masked, never scored 0" in found.text
    assert "sandbox: no cgroup for the run" in found.text
    assert "curl -s http://127.0.0.1:8000/v1/verify --json" in found.text
    assert '"verifier": "code"' in found.text


def test_verify_again_judges_with_what_is_installed(client: TestClient) -> None:
    listed = page(client, "/r/demo/-/rollouts?verifier=math&status=incorrect")
    address = next(link for link in links(listed) if re.search(r"/rollouts/\d", link))
    answer = client.post(address)
    assert answer.status_code == 200
    found = Page(answer.text)
    assert "Judged again just now: the same verdict." in found.text
    assert "In the run" in found.text
    right = next(
        link for link in links(page(client, "/r/demo/-/rollouts?verifier=math&status=correct")) if "/rollouts/0" in link
    )
    assert "correct" in Page(client.post(right).text).text


def test_tests_are_shown_with_input_expected_and_actual(client: TestClient) -> None:
    listed = page(client, "/r/demo/-/rollouts?verifier=code&status=incorrect")
    address = next(link for link in links(listed) if re.search(r"/rollouts/\d", link))
    answer = client.post(address)
    if "sandbox" in answer.text and "no score" in answer.text:
        pytest.skip("no sandbox on this machine")
    found = Page(answer.text)
    assert "input expected actual" in found.text
    assert "wrong answer" in found.text
    assert re.search(r"test 1 (passed|wrong answer) \[", found.text)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(journal: Callable[[list[str]], Path], text: str) -> None:
    run = journal([text])
    with TestClient(create_app(run), base_url=LOCAL) as client:
        for address in ("/r/one/-/rollouts", "/r/one/-/groups/000000/0/0000", "/r/one/-/rollouts/000000/0/0000/000"):
            answer = client.get(address)
            found = Page(answer.text)
            assert not found.tags & {"img", "style", "iframe"}, address
            assert not any(name.startswith("on") for name, _ in found.attributes)
            assert [link for link in links(found) if not link.startswith(("/", "#", "data:,"))] == []
            assert "script-src 'self'" in answer.headers["content-security-policy"]
            assert answer.text.count("<script") == 1
        query = client.get("/r/one/-/rollouts", params={"q": text, "task": text, "before": text})
        assert not Page(query.text).tags & {"img", "style", "iframe"}


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("/r/none", 404, "no run 'none'"),
        ("/r/demo/-/rollouts/9/9", 404, "no rollout '9/9'"),
        ("/r/demo/-/groups/9", 404, "no group '9'"),
        ("/r/demo/-/rescores/x", 404, "no rescore 'x'"),
        ("/r/demo/-/rollouts?step_from=many", 422, "step_from: Input should be a valid integer"),
        (f"/r/demo/-/rollouts?step_from={10**23}", 422, "step_from: Input should be less than"),
        (f"/r/demo/-/rollouts?step_to=-{10**23}", 422, "step_to: Input should be greater than"),
        (f"/r/demo/-/rescores/x?page={10**23}", 422, "page: Input should be less than"),
        ("/r/..%2f..%2fetc", 404, "no run"),
        ("/assets/report.html", 404, "no file"),
        ("/elsewhere", 404, "Not Found"),
    ],
)
def test_what_is_not_there_is_said_on_a_page(client: TestClient, address: str, status: int, words: str) -> None:
    assert words in page(client, address, status).text


def test_a_broken_journal_is_said(client: TestClient, demo: Path) -> None:
    (demo / "rl" / "journal.sqlite").write_bytes(b"no journal at all" * 100)
    assert "cannot be read" in page(client, "/r/demo").text
    assert "the journal cannot be read" in page(client, "/r/demo/-/rollouts", 500).text
