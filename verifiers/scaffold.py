"""`rlvr verifiers new NAME`: a package with a verifier that works, its entry point, its test and its bench cases."""

import keyword
import re
from pathlib import Path

from verifiers import registry

PROJECT = """\
[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"

[project]
name = "rlvr-{dashed}"
version = "0.1.0"
description = "The verifier {name} for rlvr"
requires-python = ">=3.11"
dependencies = ["rlvr", "pydantic>=2.8"]

[project.optional-dependencies]
test = ["pytest>=8"]

[project.entry-points."rlvr.verifiers"]
{name} = "{module}:{Class}Verifier"

[tool.setuptools]
py-modules = ["{module}"]
"""
MODULE = '''\
"""Verifier `{name}`: replace the rule in `verify` by yours, and the examples by responses whose score you know."""

from pydantic import BaseModel

from verifiers import Verdict


class {Class}Reference(BaseModel):
    """`{{"words": ["red", "blue"]}}`: the words that the response must contain"""

    words: list[str]


class {Class}Verifier:
    """The response contains every word of the reference."""

    name, version, Reference = "{name}", "0.1.0", {Class}Reference
    examples = (("red and blue", {{"words": ["red", "blue"]}}, 1.0), ("only red", {{"words": ["red", "blue"]}}, 0.0))

    def verify(self, response: str, reference: {Class}Reference, params: object = None) -> Verdict | bool:
        if not response.strip():
            return Verdict.no_answer("empty_response")
        return set(reference.words) <= set(response.lower().split())
'''
TEST = '''\
"""The contract that every caller relies on, and what is right and wrong for this verifier."""

from pathlib import Path

import pytest

from verifiers import verify
from verifiers.bench import bench, read_cases
from verifiers.conformance import check

CASES = Path(__file__).with_name("cases.jsonl")


def test_it_keeps_the_contract():
    assert [finding for finding in check("{name}").findings if not finding.passed] == []


def test_every_case_is_judged_right_and_no_probe_is_paid():
    report = bench("{name}", read_cases(CASES))
    assert report.wrong == []
    assert report.paid == []


def test_a_reference_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="words"):
        verify("{name}", "red", {{"colour": "red"}})
'''
CASES = """\
{{"response": "Blue and red.", "reference": {{"words": ["blue", "and"]}}, "correct": true, "category": "case"}}
{{"response": "blueberry", "reference": {{"words": ["blue"]}}, "correct": false, "category": "part of a word"}}
"""
README = """\
# rlvr-{dashed}

The verifier `{name}` for rlvr. `{module}.py` is all there is.

    pip install -e '.[test]'
    pytest
    rlvr verifiers check {name}
    rlvr verifiers bench {name} tests/cases.jsonl
"""
FILES = {
    "pyproject.toml": PROJECT,
    "{module}.py": MODULE,
    "tests/test_{module}.py": TEST,
    "tests/cases.jsonl": CASES,
    "README.md": README,
}


def module_of(name: str) -> str:
    return f"rlvr_{name}"


def write(name: str, folder: Path | None = None) -> Path:
    """Make the package; the folder must not exist. Raises ValueError for a name that will not do or is taken."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise ValueError(f"expected a name of small letters, digits and _, such as palindrome, got {name!r}")
    if name in registry.names():
        raise ValueError(
            f"there is a verifier named {name!r} already (from {registry.source(name)}); take another name"
        )
    dashed = name.replace("_", "-").strip("-")
    folder = folder or Path(f"rlvr-{dashed}")
    if folder.exists():
        raise ValueError(f"{folder} exists already; give another folder with --out")
    words = {"name": name, "dashed": dashed, "module": module_of(name), "Class": name.title().replace("_", "")}
    for path, text in FILES.items():
        file = folder / path.format(**words)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.format(**words), encoding="utf-8")
    return folder
