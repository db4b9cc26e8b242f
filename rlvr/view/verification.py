"""One verification, step by step, for a reader: what was read out, what it was compared with, how each test went."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from rlvr.view.history import as_text, clip
from verifiers import Item, Task, Verdict, VerifierError
from verifiers.registry import load

SERVICE = "http://127.0.0.1:8000"
"""Where `rlvr serve` listens by default."""
VALUE_LIMIT = 2000
"""Characters shown of an input, an expected or an actual value."""
SHOWN_APART = ("tests", "instructions", "parts", "message")
"""Keys of a verdict's details that have a place of their own on the page."""

LIMITS = {
    "time_limit": "the program ran out of time",
    "memory_limit": "the program ran out of memory",
    "output_limit": "the program wrote more than it may",
    "deadline": "the verifier was stopped at its deadline",
    "tests_undecided": "the tests themselves ran out of time",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One test, constraint or part of a verification."""

    name: str
    status: str
    good: bool
    given: str = ""
    """What was asked: the input, the statement, the constraint's arguments."""
    expected: str = ""
    actual: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    verdict: Verdict
    steps: list[tuple[str, str]]
    """What was done, and what came of it."""
    checks: list[Check]
    limits: str
    message: str
    """What the program or the verifier said, empty for nothing."""


def item_of(task: Task, response: str) -> Item:
    return Item("", task.verifier, response, task.reference, task.params)


def curl(item: Item) -> str:
    """A command line that asks a service for the same verdict."""
    body = {"verifier": item.verifier, "response": item.response, "reference": item.reference}
    text = json.dumps(body | ({"params": item.params} if item.params else {}))
    return f"curl -s {SERVICE}/v1/verify --json {shlex.quote(text)}"


def explain(task: Task, verdict: Verdict) -> Verification:
    """What the verdict holds, laid out. Expected values are the task's, actual ones the verdict's."""
    details = verdict.details
    message = str(details.get("message", ""))
    return Verification(
        verdict, list(_steps(task, verdict)), list(_checks(task, details)), LIMITS.get(verdict.reason, ""), message
    )


def _steps(task: Task, verdict: Verdict) -> Iterator[tuple[str, str]]:
    found = verdict.details.get("found")
    if verdict.extracted is not None:
        yield f"read as{f' ({found})' if found else ''}", clip(verdict.extracted, VALUE_LIMIT)
    elif verdict.status == "no_answer":
        yield "no answer was found", verdict.reason
    if not any(isinstance(verdict.details.get(key), list) for key in SHOWN_APART):
        yield "compared with", clip(as_text(task.reference), VALUE_LIMIT)
    yield "decided by", verdict.reason or "the score alone"
    if {"passed", "total"} <= verdict.details.keys():
        yield "tests passed", f"{verdict.details['passed']} of {verdict.details['total']}"
    for key, value in verdict.details.items():
        if key not in (*SHOWN_APART, "found", "passed", "total"):
            yield key.replace("_", " "), clip(as_text(value), VALUE_LIMIT)


def _checks(task: Task, details: Mapping[str, Any]) -> Iterator[Check]:
    for test in _rows(details.get("tests")):
        index, status = test.get("index"), str(test.get("status", ""))
        given, expected = _case(task, index) if isinstance(index, int) else ("", "")
        actual = clip(as_text(test["actual"]), VALUE_LIMIT) if "actual" in test else ""
        name = f"test {index + 1}" if isinstance(index, int) else "test"
        yield Check(name, status, status == "passed", given, expected, actual)
    for index, rule in enumerate(_rows(details.get("instructions"))):
        followed = bool(rule.get("followed"))
        given = _argument(task.reference, index)
        yield Check(str(rule.get("id", "")), "followed" if followed else "not followed", followed, given)
    for part in _rows(details.get("parts")):
        status = str(part.get("status", ""))
        yield Check(str(part.get("verifier", "")), status, status == "correct", str(part.get("reason", "")))


def _case(task: Task, index: int) -> tuple[str, str]:
    """Input and expected output of one test; the statement itself where a test is a statement."""
    try:
        reference: Any = load(task.verifier).Reference.model_validate(task.reference)
    except (LookupError, ValidationError, VerifierError):
        return "", ""
    tests = getattr(reference, "root", reference)
    statements = getattr(tests, "test_list", None)
    if statements is not None:
        return (clip(str(statements[index]), VALUE_LIMIT), "") if index < len(statements) else ("", "")
    inputs, outputs = getattr(tests, "inputs", None), getattr(tests, "outputs", None)
    if not isinstance(inputs, Sequence) or not isinstance(outputs, Sequence) or index >= len(inputs):
        return "", ""
    return clip(as_text(inputs[index]), VALUE_LIMIT), clip(as_text(outputs[index]), VALUE_LIMIT)


def _argument(reference: Any, index: int) -> str:
    given = reference.get("kwargs") if isinstance(reference, dict) else None
    if not isinstance(given, list) or index >= len(given) or not isinstance(given[index], dict):
        return ""
    return ", ".join(f"{name} = {as_text(value)}" for name, value in given[index].items() if value is not None)


def _rows(value: Any) -> list[dict[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
