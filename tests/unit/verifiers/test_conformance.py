import sys

import pytest

from verifiers import registry
from verifiers.conformance import check
from verifiers.examples import EXAMPLES


@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - {"remote", "judge"}))
def test_every_built_in_keeps_the_contract(name):
    report = check(name)
    assert [finding for finding in report.findings if not finding.passed] == []
    assert len(report.findings) == 11


def test_every_built_in_has_examples():
    assert {point.name for point in registry.BUILT_IN} - set(EXAMPLES) == set()


BAD = '''
import random
from pydantic import BaseModel, ConfigDict

class Anything(BaseModel):
    model_config = ConfigDict(extra="allow", arbitrary_types_allowed=True)
    @classmethod
    def model_validate(cls, value, **more):
        return cls()

class Bad:
    """Does everything wrong."""
    name, version, Reference = "bad", "1", Anything
    examples = [("right", {}, 1.0), ("wrong", {}, 0.0)]
    def __init__(self):
        self.pick = lambda: random.random()
    def verify(self, response, reference, params=None):
        if not response.isascii():
            raise ValueError("no")
        if len(response) > 1000:
            return 7.0
        return 1.0 if response == "right" or not response.strip() else 0.0 if response == "wrong" else self.pick()
'''


def test_faults_are_found(tmp_path, monkeypatch):
    (tmp_path / "bad_verifier.py").write_text(BAD)
    folder = tmp_path / "bad_verifier-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: bad-verifier\nVersion: 1\n")
    (folder / "entry_points.txt").write_text("[rlvr.verifiers]\nbad = bad_verifier:Bad\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.refresh()
    try:
        report = check("bad")
        without = check("bad", [("right", {}, 0.0)])
    finally:
        monkeypatch.undo()
        sys.modules.pop("bad_verifier", None)
        registry.refresh()
    failed = {finding.check for finding in report.findings if not finding.passed}
    assert failed == {"empty response", "unicode", "one megabyte", "wrong reference", "pickling"}
    assert not report.passed
    assert (
        "should score 0.0, got correct" in {finding.check: finding.detail for finding in without.findings}["examples"]
    )


def test_an_unknown_name_is_an_error():
    with pytest.raises(LookupError, match="no verifier named"):
        check("no_such_verifier")
