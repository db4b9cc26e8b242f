"""The house rules that a linter does not know."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [file for package in ("sandbox", "verifiers", "rlvr") for file in sorted((ROOT / package).rglob("*.py"))]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
MAX_FILE, MAX_FUNCTION = 400, 60
VAGUE = ("Manager", "Helper", "Util", "Utils")
BROAD = {"Exception", "BaseException"}

BOUNDARIES = {
    "sandbox/docker/bare.py": "a process boundary: tells the watch why a process could not become the program",
    "sandbox/process/host.py": "a process boundary: tells the caller's process why the fork server could not start",
    "sandbox/process/zygote.py": "a process boundary: tells the host why a clone could not become the program",
    "sandbox/process/lookout.py": "the boundary of a thread: what it meets is raised where it was asked",
    "sandbox/process/program.py": "stands in for CPython's own main, which a script may end with any exception",
    "verifiers/background.py": "the grader's boundary: a bug of ours is an `error`, never a wrong answer",
    "verifiers/catalogue.py": "imports plug-ins: what stops one is said in one line",
    "verifiers/conformance.py": "the conformance kit: whatever a plug-in raises is a finding",
    "verifiers/gym.py": "calls reasoning-gym's scorers, foreign code, on text that a model wrote",
    "verifiers/registry.py": "runs a verifier's own file: what stops it is said in one line",
    "verifiers/worker_main.py": "a process boundary, and imports plug-ins",
    "verifiers/code/guest/calls.py": "inside the sandbox: calls the untrusted program",
    "verifiers/code/guest/replay.py": "inside the sandbox: runs a task's own test code",
    "verifiers/code/guest/scripts.py": "inside the sandbox: stands in for CPython's own main",
    "rlvr/jobs.py": "the boundary to Ray's start, which fails with a bare Exception: it is told in one line",
    "rlvr/records/trackers.py": "the boundary to trackers: one that fails is told of once, and never ends a run",
    "rlvr/stages/workers.py": "the boundary to Ray's training workers: what ended them ends this job, with its reason",
}
"""Files that may catch every exception there is, and why. A handler that raises it again needs no entry."""


def name(file: Path) -> str:
    return str(file.relative_to(ROOT))


def nodes(file: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(file.read_text()))


def swallows(node: ast.AST) -> bool:
    """A handler of every exception there is that does not raise it again, or a `suppress` of every exception."""
    if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "suppress":
        return any(getattr(argument, "id", "") in BROAD for argument in node.args)
    if not isinstance(node, ast.ExceptHandler):
        return False
    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    broad = any(kind is None or getattr(kind, "id", "") in BROAD for kind in caught)
    last = node.body[-1]
    return broad and not (isinstance(last, ast.Raise) and last.exc is None)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("try: f()\nexcept Exception: pass", 1),
        ("try: f()\nexcept: pass", 1),
        ("try: f()\nexcept (OSError, BaseException): g()", 1),
        ("with contextlib.suppress(Exception): f()", 1),
        ("try: f()\nexcept BaseException:\n    g()\n    raise", 0),
        ("try: f()\nexcept OSError: pass", 0),
    ],
)
def test_what_counts_as_swallowing(source: str, expected: int) -> None:
    assert sum(map(swallows, ast.walk(ast.parse(source)))) == expected


def test_only_process_boundaries_swallow_every_exception() -> None:
    found = {name(file) for file in FILES for node in nodes(file) if swallows(node)}
    assert found - set(BOUNDARIES) == set(), "give the reason in BOUNDARIES, or catch less"
    assert set(BOUNDARIES) - found == set(), "no longer needed in BOUNDARIES"


def test_no_file_is_too_long() -> None:
    lengths = {name(file): len(file.read_text().splitlines()) for file in [*FILES, *TESTS]}
    assert {file: lines for file, lines in lengths.items() if lines > MAX_FILE} == {}


def test_no_function_is_too_long() -> None:
    lengths = {
        f"{name(file)}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for file in FILES
        for node in nodes(file)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {function: lines for function, lines in lengths.items() if lines > MAX_FUNCTION} == {}


def test_every_file_says_what_it_is_for() -> None:
    assert [name(file) for file in FILES if not ast.get_docstring(ast.parse(file.read_text()))] == []


def test_classes_are_named_for_what_they_are() -> None:
    classes = [(name(file), node.name) for file in FILES for node in nodes(file) if isinstance(node, ast.ClassDef)]
    assert [found for found in classes if found[1].endswith(VAGUE)] == []
