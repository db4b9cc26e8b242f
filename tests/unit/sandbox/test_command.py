"""`rlvr sandbox`: exit codes, one line for wrong input, JSON for machines."""

import base64
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rlvr.commands.sandbox import app


def invoke(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "program.py"
    file.write_text("print(input()); open('made', 'wb').write(b'\\xff')")
    (tmp_path / "in.txt").write_text("hello\n")
    return file


def test_doctor_tells_layers_and_languages() -> None:
    code, out, _ = invoke("doctor", "--json")
    told = json.loads(out)
    assert code == 0
    assert {"user", "pid", "net", "mnt", "seccomp"} <= set(told["layers"])
    assert told["missing_tools"]["python"] == []
    assert invoke("doctor")[1].startswith("process: ready\n")


def test_run_as_json(program: Path) -> None:
    code, out, _ = invoke("run", program, "--stdin", "in.txt", "--fetch", "made", "--json")
    result = json.loads(out)
    assert (code, result["status"], result["stdout"]) == (0, "ok", "hello\n"), result
    assert base64.b64decode(result["files"]["made"]) == b"\xff"


def test_run_for_people(program: Path) -> None:
    code, out, err = invoke("run", program, "--stdin", "in.txt", "--fetch", "made")
    assert (code, out) == (0, "hello\n")
    assert err.startswith("[ok, exit 0, ")
    assert Path("made").read_bytes() == b"\xff"


def test_a_program_that_fails_is_a_result_too(program: Path) -> None:
    code, _, err = invoke("run", program)
    assert code == 0
    assert "EOFError" in err
    assert "[error, exit 1, " in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.py"], "cannot read nowhere.py"),
        (["in.txt"], "cannot tell the language of 'in.txt'"),
        (["program.py", "--stdin", "nowhere"], "cannot read nowhere"),
        (["program.py", "--language", "cobol"], "got 'cobol'"),
        (["program.py", "--backend", "chroot"], "got 'chroot'"),
        (["program.py", "--wall", "0"], "limits.wall_s must be above 0"),
        (["program.py", "--fetch", "/etc/passwd"], "paths must be relative"),
    ],
)
def test_wrong_input_is_one_line_and_exit_2(program: Path, arguments: list[str], message: str) -> None:
    code, out, err = invoke("run", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.slow
def test_bench_as_json() -> None:
    code, out, _ = invoke("bench", "--rounds", "1", "--json")
    rows = json.loads(out)["comparisons"]
    assert code == 0
    assert [row["concurrency"] for row in rows] == [1, 1, 2, 2]
    assert all(row["sandbox"]["runs_per_s"] > 0 and row["ratio"] > 0 for row in rows)
