"""The house rules that a linter does not know."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [file for package in ("sandbox", "verifiers", "rlvr") for file in sorted((ROOT / package).rglob("*.py"))]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
MAX_FILE, MAX_FUNCTION = 400, 60
VAGUE = ("Manager", "Helper", "Util", "Utils")
BROAD = {"Exception", "BaseException"}

BOUNDARIES: dict[str, tuple[int, str]] = {}
"""File -> how many broad handlers it may hold, and why. A handler that raises again needs no entry."""


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
    found = Counter(name(file) for file in FILES for node in nodes(file) if swallows(node))
    assert dict(found) == {file: count for file, (count, _) in BOUNDARIES.items()}


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
