"""The published data sets themselves: every gold answer correct, every corrupted one turned down."""

import asyncio
import os
from pathlib import Path

import pytest

from rlvr.tasks.base import ALL
from rlvr.tasks.check import Report, check
from rlvr.tasks.sources import load_examples
from verifiers import Grader

DATA = os.environ.get("RLVR_TEST_DATA")

pytestmark = pytest.mark.skipif(not DATA, reason="RLVR_TEST_DATA names no folder with the published data sets")


def checked(name: str, path: str) -> Report:
    source = f"{name}:{Path(DATA or '') / path}"
    with Grader() as grader:
        return asyncio.run(check(source, load_examples(source, ALL), grader))


def failing(report: Report) -> set[tuple[str, str]]:
    return {(failure.id, failure.kind) for failure in report.failures}


def test_gsm8k() -> None:
    report = checked("gsm8k", "gsm8k")
    assert not failing(report)
    assert (report.gold, report.tasks) == (8792, 8792)


def test_math_500() -> None:
    report = checked("math-500", "math500/math500_first350.jsonl")
    assert not failing(report)
    assert report.gold == 350


@pytest.mark.slow
def test_mbpp_sanitized() -> None:
    report = checked("mbpp-sanitized", "mbpp_sanitized")
    assert not failing(report)
    assert report.gold == 427


def test_humaneval() -> None:
    report = checked("humaneval", "humaneval")
    assert not failing(report)
    assert report.gold == 164


def test_ifeval_references() -> None:
    report = checked("ifeval", "ifeval")
    assert (report.tasks, report.shape_only) == (361, 361)
