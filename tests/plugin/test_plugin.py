import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from verifiers import catalogue, conformance, registry, verify

ROOT = Path(__file__).parents[2]
APP = """
import typer
from rlvr.commands import verifiers
from rlvr.commands.verify import verify
app = typer.Typer(pretty_exceptions_enable=False)
app.command()(verify)
app.add_typer(verifiers.app, name="verifiers")
app()
"""


def rlvr(site, *arguments, stdin=""):
    """The command line, in a process that finds the plug-in where it was installed."""
    return subprocess.run(
        [sys.executable, "-c", APP, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": f"{site}{os.pathsep}{ROOT}", "COLUMNS": "200"},
    )


def test_it_is_small():
    lines = (Path(__file__).parent / "palindrome" / "rlvr_palindrome.py").read_text().splitlines()
    assert len(lines) <= 25


def test_it_is_listed_beside_the_built_ins(plugin):
    assert "palindrome" in registry.names()
    entry = next(entry for entry in catalogue.entries() if entry.name == "palindrome")
    assert (entry.source, entry.version, entry.error) == ("rlvr-palindrome 0.1.0", "0.1.0", None)
    assert "length" in catalogue.describe("palindrome").reference["properties"]


def test_it_judges(plugin):
    verdict = verify("palindrome", "Level", {"length": 5})
    assert (verdict.status, verdict.score, verdict.verifier, verdict.version) == ("correct", 1.0, "palindrome", "0.1.0")
    assert verify("palindrome", "label", {"length": 5}).status == "incorrect"
    with pytest.raises(ValueError, match="palindrome: reference: length"):
        verify("palindrome", "level", {"size": 5})


def test_it_can_be_part_of_others(plugin):
    parts = [{"verifier": "regex", "reference": "[a-z]+"}, {"verifier": "palindrome", "reference": {"length": 5}}]
    assert verify("all", "level", parts).status == "correct"
    assert verify("all", "LEVEL", parts).status == "incorrect"


def test_it_keeps_the_contract(plugin):
    report = conformance.check("palindrome")
    assert [finding for finding in report.findings if not finding.passed] == []


def test_two_packages_may_not_claim_one_name(plugin, tmp_path, monkeypatch):
    folder = tmp_path / "rival-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: rival\nVersion: 1\n")
    (folder / "entry_points.txt").write_text("[rlvr.verifiers]\npalindrome = rival:Verifier\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.refresh()
    with pytest.raises(registry.VerifierError, match="'palindrome' is claimed twice"):
        registry.names()


def test_the_command_line_knows_it(site):
    rows = [
        {"id": "a", "verifier": "palindrome", "response": "level", "reference": {"length": 5}},
        {"id": "b", "verifier": "palindrome", "response": "label", "reference": {"length": 5}},
    ]
    done = rlvr(site, "verify", stdin="".join(json.dumps(row) + "\n" for row in rows))
    assert done.returncode == 0, done.stderr
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(verdict["id"], verdict["score"]) for verdict in verdicts] == [("a", 1.0), ("b", 0.0)]
    listed = rlvr(site, "verifiers", "list")
    assert "palindrome" in listed.stdout
    assert "rlvr-palindrome" in listed.stdout


def test_the_service_serves_it(plugin):
    from verifiers.service import create_app

    with TestClient(create_app()) as client:
        assert "palindrome" in client.get("/v1/verifiers").text
        item = {"verifier": "palindrome", "response": "level", "reference": {"length": 5}}
        assert client.post("/v1/verify", json=item).json()["score"] == 1.0
