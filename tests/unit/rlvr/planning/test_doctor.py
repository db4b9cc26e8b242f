"""The doctor names what is there and gives advice for what is not; its table of versions is that of the constraints."""

import json
import re
import socket
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from rlvr.commands.doctor import doctor as command
from rlvr.planning import doctor

ROOT = Path(__file__).parents[4]


def test_tested_versions_are_those_of_the_constraints() -> None:
    lines = (ROOT / "deploy/constraints.txt").read_text().splitlines()
    for name, version in doctor.TESTED.items():
        assert any(line.startswith(f"{name}=={version}.") for line in lines), name


def test_everything_is_looked_at_and_what_is_wrong_has_advice(tmp_path: Path) -> None:
    app = Typer()
    app.command()(command)
    done = CliRunner().invoke(app, ["--json", "--out", str(tmp_path)])
    found = {row["name"]: row for row in map(json.loads, done.output.splitlines())}
    assert {"python", "torch", "ray", "vllm", "cpu", "gpu", "sandbox", "memory", "disk", "shared memory"} <= set(found)
    assert found["python"]["state"] == "ok"
    assert str(tmp_path) in found["disk"]["found"]
    for row in found.values():
        assert (row["state"] == "ok") == (row["advice"] == ""), row
    assert done.exit_code == (1 if any(row["state"] == "bad" for row in found.values()) else 0)
    text = CliRunner().invoke(app, []).output
    assert re.search(r"^ok\s+python", text, re.MULTILINE)


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert doctor._taken(server.getsockname()[1])
        port = server.getsockname()[1]
    assert not doctor._taken(port)


def test_a_folder_that_is_not_there_yet_is_no_fault(tmp_path: Path) -> None:
    [finding] = doctor._disk(tmp_path / "runs" / "new")
    assert "GiB free" in finding.found
    assert not finding.found.startswith("0.0")


@pytest.mark.parametrize("free", [0.5, None])
def test_little_shared_memory_is_a_note(free: float | None) -> None:
    finding = doctor._shared(free)
    assert finding.state == "note"
    assert "--shm-size" in finding.advice
