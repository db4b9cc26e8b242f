import time

import pytest

from verifiers import Grader, Item, verify
from verifiers.conformance import check


def graded(service, response="4", reference="4", **params):
    with Grader(cache_size=0) as grader:
        return grader.grade_sync(Item("id", "remote", response, reference, {"url": service.url, **params}))


@pytest.mark.parametrize(
    ("answer", "status", "score"),
    [
        ({"score": 0.25}, "partial", 0.25),
        ({"reward": 1}, "correct", 1.0),
        (0.0, "incorrect", 0.0),
        (True, "correct", 1.0),
        ({"status": "undecided", "score": 0.0, "reason": "slow", "verifier": "far", "version": "3"}, "undecided", 0.0),
        ({"status": "error", "score": None, "reason": "broken"}, "error", None),
    ],
)
def test_what_a_service_may_answer(service, answer, status, score):
    service.answer = lambda body: answer
    verdict = graded(service)
    assert (verdict.status, verdict.score, verdict.verifier) == (status, score, "remote")


@pytest.mark.parametrize(
    "answer",
    [
        {"score": 1.5},
        {"score": "1"},
        {"score": None},
        {"status": "correct", "score": None},
        {"status": "splendid", "score": 1.0},
        {},
        [],
        None,
        "1.0",
        b"not JSON",
        b"[" * 100_000,
        b'{"score": NaN}',
        (400, {"detail": "no"}),
        (200, b"x" * (2 << 20)),
    ],
)
def test_anything_else_is_an_error_and_no_score(service, answer):
    service.answer = lambda body: answer
    verdict = graded(service)
    assert (verdict.status, verdict.score) == ("error", None)
    assert verdict.reason.startswith("VerifierError: ")
    assert len(service.requests) == 1


def test_what_is_sent(service, monkeypatch):
    service.answer = lambda body: True
    graded(service, "a", {"x": [1]})
    assert service.requests[-1][2] == {"response": "a", "reference": {"x": [1]}}
    graded(service, "a", "b", verifier="math", params={"preset": "gsm8k"})
    assert service.requests[-1][2] == {
        "response": "a",
        "reference": "b",
        "verifier": "math",
        "params": {"preset": "gsm8k"},
    }


def test_passing_failures_are_tried_again(service):
    service.script = [(429, {}, {"Retry-After": "0"}), (503, {}), (500, {}), (502, b"<html>")]
    service.answer = lambda body: 1.0
    assert graded(service).status == "correct"
    assert len(service.requests) == 5


def test_a_service_that_stays_busy_is_an_error(service):
    service.answer = lambda body: (429, {}, {"Retry-After": "0"})
    verdict = graded(service, retries=2)
    assert (verdict.status, len(service.requests)) == ("error", 3)
    assert "status 429" in verdict.reason


def test_a_service_that_hangs_is_an_error(service, hang):
    service.answer = lambda body: hang(3)
    start = time.monotonic()
    verdict = graded(service, timeout_s=0.2, retries=1)
    assert verdict.status == "error"
    assert time.monotonic() - start < 2.5


def test_a_service_that_is_not_there_is_an_error():
    with Grader() as grader:
        verdict = grader.grade_sync(
            Item("", "remote", "4", "4", {"url": "http://127.0.0.1:9", "retries": 0, "timeout_s": 2})
        )
    assert verdict.status == "error"
    assert "http://127.0.0.1:9 gave no answer" in verdict.reason


def test_the_key_goes_to_the_services_own_address_only(service, monkeypatch):
    monkeypatch.setenv("RLVR_REMOTE_KEY", "secret")
    service.answer = lambda body: True
    graded(service)
    assert "Authorization" not in service.requests[-1][1]
    monkeypatch.setenv("RLVR_REMOTE_URL", service.url + "/score")
    assert verify("remote", "4", "4").status == "correct"
    assert service.requests[-1][0] == "/score"
    assert service.requests[-1][1]["Authorization"] == "Bearer secret"


@pytest.mark.parametrize("url", ["", "ftp://x/", "file:///etc/passwd", "nonsense", "http://"])
def test_where_to_ask_is_checked_before_any_work(service, url):
    with pytest.raises(ValueError, match="remote: params: "):
        verify("remote", "4", "4", url=url)


def test_only_listed_origins_are_asked(service, monkeypatch):
    service.answer = lambda body: True
    monkeypatch.setenv("RLVR_REMOTE_ALLOW", "https://judge.example")
    with pytest.raises(ValueError, match="may not be asked from here"):
        verify("remote", "4", "4", url=service.url)
    monkeypatch.setenv("RLVR_REMOTE_ALLOW", f"https://judge.example {service.url}")
    assert verify("remote", "4", "4", url=service.url).status == "correct"


def test_it_keeps_the_contract(service, monkeypatch):
    monkeypatch.setenv("RLVR_REMOTE_URL", service.url)
    service.answer = lambda body: body["response"] == body["reference"]
    assert [finding for finding in check("remote").findings if not finding.passed] == []
