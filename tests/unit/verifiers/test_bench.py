import json
import sys

import pytest

from verifiers import registry
from verifiers.bench import Case, Peer, bench, from_examples, installed, read_cases
from verifiers.bench.clocked import Reply, clock, converse
from verifiers.bench.peers import rate
from verifiers.bench.probes import around, probes_for
from verifiers.bench.report import Speed, Tally

PAIRS = [
    {"id": "a", "gold": "1/2", "answer": "0.5", "equal": True, "category": "fraction", "mode": "answer"},
    {"id": "b", "gold": "1/2", "answer": "So \\boxed{2}.", "equal": False, "category": "fraction", "mode": "response"},
    {"id": "c", "gold": "7", "answer": "7", "equal": True, "category": "integer", "note": "a note"},
    {"id": "d", "gold": "7", "answer": "7", "equal": False, "category": "integer", "note": "a wrong label"},
]


def pairs():
    return [Case.model_validate(row) for row in PAIRS]


def test_tallies_name_the_offending_cases():
    report = bench("math", pairs())
    assert (report.total.cases, report.total.right, report.total.negatives) == (4, 3, 2)
    assert (report.total.false_positives, report.total.false_negatives, report.total.errors) == (1, 0, 0)
    assert {name: tally.right for name, tally in report.categories.items()} == {"fraction": 2, "integer": 1}
    assert [(wrong.id, wrong.score, wrong.expected) for wrong in report.wrong] == [("d", 1.0, 0.0)]
    assert report.probes >= 60
    assert report.paid == []
    assert report.speed.clock == "cpu"
    assert 0 < report.speed.p50_ms <= report.speed.p99_ms <= report.speed.slowest_ms
    assert json.loads(report.model_dump_json())["total"]["right"] == 3


@pytest.mark.parametrize("name", ["math", "numeric", "exact", "choice", "regex", "json_schema", "format", "all"])
def test_no_probe_is_paid(name):
    report = bench(name, from_examples(name))
    assert report.wrong == []
    assert report.paid == []
    assert report.probes >= 4


def test_errors_are_neither_right_nor_wrong():
    cases = [Case(response="x", reference="x", score=score) for score in (0.0, 1.0)]
    tally = Tally.of(cases, [Reply(None, 0.1), Reply(None, 0.1)])
    assert (tally.right, tally.false_positives, tally.false_negatives, tally.errors) == (0, 0, 0, 2)


def test_speed_of_one_and_of_many():
    assert Speed.of_wall([2.0]).model_dump() == {
        "clock": "wall",
        "per_s": 500.0,
        "p50_ms": 2.0,
        "p99_ms": 2.0,
        "slowest_ms": 2.0,
        "slowest": "",
    }
    many = Speed.of_wall([1.0] * 99 + [101.0])
    assert (many.p50_ms, many.p99_ms, many.slowest_ms, many.per_s) == (1.0, 1.0, 101.0, 500.0)


def test_cases_are_read_from_rows_of_either_kind(tmp_path):
    rows = [
        {"response": "a", "reference": ["a", "b"], "correct": True},
        {"id": 3, "response": "a", "reference": "b", "score": 0.5, "params": {"ignore_case": True}, "category": "x"},
        PAIRS[0],
    ]
    (tmp_path / "cases.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    one, two, three = read_cases(tmp_path / "cases.jsonl")
    assert (one.id, one.score, one.category, one.bare) == ("line 1", 1.0, "all", False)
    assert (two.id, two.score, two.params) == ("3", 0.5, {"ignore_case": True})
    assert (three.reference, three.response, three.score, three.bare) == ("1/2", "0.5", 1.0, True)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1: not JSON"),
        ("[]", "line 1: Value error, expected an object"),
        ('{"response": "x", "reference": "x"}', "line 1: score: Field required"),
        ('{"response": "x", "reference": "x", "score": 2}', "line 1: score: .* less than or equal to 1"),
        ('{"gold": "x", "answer": "x"}', "line 1: score: .* a case is {response"),
        ("", "holds no cases"),
    ],
)
def test_what_is_no_case_is_said_with_its_line(tmp_path, line, message):
    (tmp_path / "cases.jsonl").write_text(line)
    with pytest.raises(ValueError, match=message):
        read_cases(tmp_path / "cases.jsonl")


def test_a_reference_that_the_verifier_cannot_read_stops_the_bench():
    with pytest.raises(ValueError, match="exact: reference"):
        bench("exact", [Case(response="x", reference=3, score=0.0)])


def test_a_verifier_that_can_be_cheated_is_found_out(tmp_path, monkeypatch):
    monkeypatch.setenv(registry.ENVIRONMENT, "")
    (tmp_path / "gullible.py").write_text(
        "from pydantic import BaseModel\n"
        "class Any(BaseModel):\n    answer: str\n"
        "class Gullible:\n"
        "    name, version, Reference = 'gullible', '1', Any\n"
        "    hacks = ['please']\n"
        "    def verify(self, response, reference, params=None):\n"
        "        return 0.5 if response == 'please' else reference.answer.startswith(response.strip())\n"
    )
    try:
        assert registry.add(str(tmp_path / "gullible.py")) == "gullible"
        report = bench("gullible", [Case(response="yes", reference={"answer": "yes"}, score=1.0)])
    finally:
        monkeypatch.undo()
        registry.refresh()
    assert {(paid.probe, paid.score) for paid in report.paid} == {("empty", 1.0), ("white space", 1.0), ("hack 1", 0.5)}


def test_probes_hold_the_answer_without_giving_it():
    texts = around("12")
    assert len(texts) >= 28
    assert sum("12" in text for text in texts.values()) >= 10
    assert "any real" not in around("(-\\infty, \\infty)")


def test_code_is_offered_every_exploit_in_every_format():
    probes = probes_for("code", registry.load("code"), from_examples("code"))
    forms = {probe.name.partition(":")[0] for probe in probes if ":" in probe.name}
    assert len(forms) == 8
    assert len([probe for probe in probes if probe.name.startswith("mbpp:")]) >= 120


SLOW = """
import json, sys, time
print("ready", flush=True)
for line in sys.stdin:
    row = json.loads(line)
    if row == "die": raise SystemExit(1)
    if row == "junk": print("no JSON", flush=True)
    print(json.dumps([1.0, 0.25]), flush=True)
"""


def test_a_grader_that_dies_or_babbles_is_replaced():
    rows = ["a", "die", "b", "junk", "c"]
    replies = converse([sys.executable, "-c", SLOW], rows)
    assert [reply.score for reply in replies] == [1.0, None, 1.0, None, 1.0]


def test_a_grader_that_does_not_come_up_says_why():
    with pytest.raises(RuntimeError, match="does not start: ImportError: nothing here"):
        converse([sys.executable, "-c", "raise ImportError('nothing here')"], ["a"])


def test_times_are_those_of_cold_verdicts():
    replies = clock("math", pairs())
    assert [reply.score for reply in replies] == [1.0, 0.0, 1.0, 1.0]
    assert all(0 < reply.cpu_s < 1 for reply in replies)


def test_no_interpreter_is_an_error():
    with pytest.raises(ValueError, match="no Python interpreter"):
        installed("/bin/false")


def test_peers_are_rated_on_the_same_cases(peer_python):
    found = installed(peer_python)
    assert {"Math-Verify", "Hendrycks (verl)", "DAPO (verl)"} == {peer.label for peer in found}
    for peer in found:
        report = rate(peer, pairs()[:3])
        assert report.total.cases == 3
        assert report.categories["integer"].right == 1
    assert rate(Peer("Math-Verify", peer_python), pairs()[:3]).total.right == 3
