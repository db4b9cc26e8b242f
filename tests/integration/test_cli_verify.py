import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def rlvr(*arguments, stdin=b"", **more):
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "odd")])
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "rlvr.cli", *arguments],
        input=stdin,
        capture_output=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": path, "COLUMNS": "200"},
        **more,
    )


def rows(*rows):
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def row(id, response="x", **more):
    return {"id": id, "verifier": "exact", "response": response, "reference": "x"} | more


def verdicts(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_rows_in_verdicts_out_in_order_and_wrong_answers_are_no_failure(tmp_path):
    content = rows(row("b"), row("a", "y"), row("c", "X", params={"ignore_case": True})) + b"\n  \n"
    (tmp_path / "rows.jsonl").write_bytes(content)
    for done in (
        rlvr("verify", stdin=content),
        rlvr("verify", "-", stdin=content),
        rlvr("verify", tmp_path / "rows.jsonl"),
    ):
        assert done.returncode == 0, done.stderr
        assert [(v["id"], v["status"], v["score"]) for v in verdicts(done)] == [
            ("b", "correct", 1.0),
            ("a", "incorrect", 0.0),
            ("c", "correct", 1.0),
        ]
        assert done.stderr == b""


def test_order_is_kept_when_later_rows_are_done_first():
    names = ["odd_process", "odd_inline", "odd_async", "exact"]
    responses = {"odd_process": "sleep 0.05", "odd_inline": "true", "odd_async": "true", "exact": "x"}
    many = [
        {"id": str(n), "verifier": names[n % 4], "response": responses[names[n % 4]], "reference": {"value": str(n)}}
        for n in range(40)
    ]
    for entry in many:
        if entry["verifier"] == "exact":
            entry["reference"] = "x"
    done = rlvr("verify", stdin=rows(*many))
    assert [v["id"] for v in verdicts(done)] == [str(n) for n in range(40)]


def test_an_error_verdict_is_exit_1_and_all_verdicts_are_there():
    bad = row("1", "raise ValueError", verifier="odd_inline", reference={})
    done = rlvr("verify", stdin=rows(row("0"), bad, row("2", "y")))
    assert done.returncode == 1
    assert [v["status"] for v in verdicts(done)] == ["correct", "error", "incorrect"]
    assert done.stderr == b"error: 1 of 3 rows could not be judged; their `reason` says why\n"


def test_what_a_verifier_prints_is_not_among_the_verdicts():
    loud = [row(name, "print", verifier=name, reference={}) for name in ("odd_inline", "odd_process", "odd_async")]
    done = rlvr("verify", stdin=rows(*loud))
    assert [v["status"] for v in verdicts(done)] == ["correct"] * 3
    assert done.stderr.count(b"printed by a verifier") == 3


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"id":', "line 2: not JSON: Expecting value at column 7"),
        (b"\xff", "line 2: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        (b"[]", "line 2: expected {id, verifier, response, reference, params?}, got list"),
        (b"[" * 100_000, "line 2: JSON is nested too deeply"),
        (rows({"id": "a", "verifier": "exact"}), "line 2: response: Field required"),
        (rows(row(7)), "line 2: id: Input should be a valid string, got 7"),
        (rows({k: v for k, v in row("a").items() if k != "id"}), "line 2: id: Field required"),
        (rows(row("a", None)), "line 2: response: Input should be a valid string, got None"),
        (rows(row("a", refrence="x")), "line 2: refrence: Extra inputs are not permitted, got 'x'"),
        (rows(row("a", verifier="exat")), "line 2: no verifier named 'exat'; did you mean 'exact'?"),
        (rows(row("a", verifier="odd_broken")), "line 2: verifier 'odd_broken' cannot be loaded: ImportError: needs a"),
        (rows(row("a", reference=3)), "line 2: exact: reference: "),
        (rows(row("a", params={"color": 1})), "line 2: exact: params: color: Extra inputs are not permitted, got 1"),
    ],
)
def test_one_bad_row_is_one_clear_line_and_nothing_is_judged(tmp_path, line, message):
    count = row("0", "count", verifier="odd_inline", reference={"value": str(tmp_path / "count")})
    done = rlvr("verify", stdin=rows(count) + line)
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.decode().startswith(f"error: {message}")
    assert done.stderr.count(b"\n") == 1
    assert not (tmp_path / "count").exists()


def test_each_fault_has_its_line_and_many_are_cut_short():
    done = rlvr("verify", stdin=b"{}\n" * 14)
    lines = done.stderr.decode().splitlines()
    assert [line.split(":")[1].strip() for line in lines] == [f"line {n}" for n in range(1, 11)] + ["and 4 more lines"]


def test_a_missing_file_is_one_line(tmp_path):
    for path, why in ((tmp_path / "none", b"No such file or directory"), (tmp_path, b"Is a directory")):
        done = rlvr("verify", path)
        assert (done.returncode, done.stdout) == (2, b"")
        assert done.stderr == f"error: cannot read {path}: ".encode() + why + b"\n"


def test_the_catalogue_lists_built_ins_and_plug_ins_and_what_is_broken():
    listed = {entry["name"]: entry for entry in json.loads(rlvr("verifiers", "list", "--json").stdout)}
    assert listed["exact"]["source"] == "built-in"
    assert listed["odd_process"]["source"] == "odd-verifiers 1.0"
    assert (listed["odd_process"]["isolation"], listed["odd_process"]["error"]) == ("process", None)
    assert listed["odd_broken"]["error"].endswith("cannot be loaded: ImportError: needs a library")
    table = rlvr("verifiers", "list").stdout.decode()
    assert all(name in table for name in listed)


def test_show_prints_the_schemas_and_an_unknown_name_is_exit_2():
    shown = json.loads(rlvr("verifiers", "show", "exact", "--json").stdout)
    assert shown["reference"]["properties"]["answers"]["type"] == "array"
    assert shown["params"]["properties"]["ignore_case"]["type"] == "boolean"
    assert b'"ignore_case"' in rlvr("verifiers", "show", "exact").stdout
    for name, why in (("exat", "no verifier named 'exat'; did you mean 'exact'?"), ("odd_broken", "verifier 'odd_bro")):
        done = rlvr("verifiers", "show", name)
        assert (done.returncode, done.stdout) == (2, b"")
        assert done.stderr.decode().startswith(f"error: {why}")
