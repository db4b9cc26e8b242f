"""A plug-in that is put on the import path while a grader is at work."""

import asyncio
import sys
from pathlib import Path

import pytest

from verifiers import Grader, Item, registry

ODD = Path(__file__).parents[2] / "odd"


@pytest.fixture(autouse=True)
def _odd():
    sys.path.insert(0, str(ODD))
    registry.refresh()
    yield
    sys.path.remove(str(ODD))
    registry.refresh()


def test_a_plug_in_that_came_after_the_workers_is_found(monkeypatch):
    """Workers start with the import path of their time; a verifier that lies elsewhere starts them anew."""
    with Grader(workers=1) as grader:
        with monkeypatch.context() as before:
            before.setattr(sys, "path", [folder for folder in sys.path if folder != str(ODD)])
            assert asyncio.run(grader.grade(Item("a", "regex", "abc", "abc"))).status == "correct"
        registry.refresh()
        verdict = asyncio.run(grader.grade(Item("b", "odd_process", "true", {})))
        assert verdict.status == "correct", verdict.reason
