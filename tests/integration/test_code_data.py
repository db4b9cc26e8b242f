"""The published reference solutions pass their own tests, and no corrupted one does."""

import ast
import asyncio
import gzip
import json
import os
import warnings
from pathlib import Path

import pytest

from verifiers.code import CodeVerifier


@pytest.fixture(scope="module")
def data():
    folder = os.environ.get("RLVR_TEST_DATA")
    if not folder:
        pytest.skip("RLVR_TEST_DATA is not set: it names the folder with humaneval/ and mbpp_sanitized/")
    return Path(folder)


def humaneval(data):
    with gzip.open(data / "humaneval" / "HumanEval.jsonl.gz", "rt") as file:
        rows = [json.loads(line) for line in file]
    return {row["task_id"]: (row["prompt"] + row["canonical_solution"], row) for row in rows}


def mbpp_sanitized(data):
    rows = json.loads((data / "mbpp_sanitized" / "sanitized-mbpp.json").read_text())
    return {f"MBPP/{row['task_id']}": (row["code"], row) for row in rows}


def mbpp(data):
    with (data / "mbpp" / "mbpp_test_11-360.jsonl").open() as file:
        rows = [json.loads(line) for line in file]
    return {f"MBPP/{row['task_id']}": (row["code"], row) for row in rows}


SETS = {"humaneval": (humaneval, 164), "mbpp_sanitized": (mbpp_sanitized, 427), "mbpp": (mbpp, 350)}


def corrupted(program):
    """Every function gives nothing."""
    with warnings.catch_warnings(action="ignore"):  # some published solutions hold invalid escapes
        tree = ast.parse(program)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.body = [ast.Return(ast.Constant(None))]
    return ast.unparse(ast.fix_missing_locations(tree))


def judge_all(programs):
    """Verdicts of (program, reference) by name, a few at a time."""
    verifier = CodeVerifier()

    async def run():
        room = asyncio.Semaphore(4)

        async def one(program, reference):
            async with room:
                return await verifier.verify(f"```python\n{program}\n```", reference)

        return await asyncio.gather(*(one(*pair) for pair in programs.values()))

    return dict(zip(programs, asyncio.run(run()), strict=True))


@pytest.mark.parametrize("name", SETS)
def test_reference_solutions_pass(data, name):
    load, count = SETS[name]
    verdicts = judge_all(load(data))
    assert len(verdicts) == count
    failed = {task: verdict.reason for task, verdict in verdicts.items() if verdict.status != "correct"}
    weak = [task for task, verdict in verdicts.items() if verdict.details.get("strength") != "strong"]
    assert (failed, weak) == ({}, [])


@pytest.mark.parametrize("name", SETS)
def test_corrupted_solutions_fail(data, name):
    load, _ = SETS[name]
    verdicts = judge_all({task: (corrupted(program), row) for task, (program, row) in load(data).items()})
    passed = [task for task, verdict in verdicts.items() if verdict.status != "incorrect"]
    assert passed == []


def test_bodies_that_continue_the_prompt_pass(data):
    programs = {task: (row["canonical_solution"], row) for task, (_, row) in humaneval(data).items()}
    failed = [task for task, verdict in judge_all(programs).items() if verdict.status != "correct"]
    assert failed == []
