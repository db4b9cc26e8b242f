"""Turns `assert f(x) == y` into a call for the sandbox and a comparison for outside.

Only assertions whose arguments are literals and whose expression `evaluate` knows can be turned; all others are
replayed (`replay.py`). What matters either way: `y` is never sent to where the program runs.
"""

import ast
import builtins
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from verifiers.code.evaluate import FUNCTIONS, MATH, Unsupported, evaluate
from verifiers.code.guest.codec import Encoder, TooLarge
from verifiers.code.reference import AssertTests, CheckTests

KEPT = 1024
"""Tasks whose turned tests are kept."""


@dataclass(frozen=True, slots=True)
class TurnedTest:
    """One assertion: the calls it makes, in order, and the nodes of `expression` whose values they are."""

    expression: ast.expr
    nodes: tuple[ast.Call, ...]
    calls: tuple[list[Any], ...]


def turn(tests: AssertTests | CheckTests) -> list[TurnedTest] | None:
    """All tests turned, or None when any of them cannot be. What was worked out for a task is kept."""
    try:
        if isinstance(tests, CheckTests):
            return turn_check(tests.test, tests.entry_point)
        return turn_listed(tests.setup().strip(), tuple(tests.all_tests()))
    except Unsupported:
        return None


@lru_cache(KEPT)
def turn_check(test: str, entry_point: str) -> list[TurnedTest]:
    tree = ast.parse(test)
    targets = dict.fromkeys((candidate_name(tree), entry_point), entry_point)
    return [turn_one(expression, targets) for expression in check_assertions(tree)]


@lru_cache(KEPT)
def turn_listed(setup: str, tests: tuple[str, ...]) -> list[TurnedTest]:
    assertions = listed_assertions(setup, tests)
    targets = {name: name for name in program_names(assertions)}
    return [turn_one(expression, targets) for expression in assertions]


def listed_assertions(setup: str, tests: tuple[str, ...]) -> list[ast.expr]:
    if setup not in ("", "import math"):
        raise Unsupported("set-up code")
    bodies = [ast.parse(test).body for test in tests]
    if any(len(body) != 1 for body in bodies):
        raise Unsupported("several statements")
    return [assertion(body[0]) for body in bodies]


def check_assertions(tree: ast.Module) -> list[ast.expr]:
    """The assertions of a `check` that holds nothing else; constants and docstrings are passed over."""
    for node in tree.body:
        plain = isinstance(node, ast.Assign) and not any(isinstance(part, ast.Call) for part in ast.walk(node))
        if not plain and not is_text(node) and not (isinstance(node, ast.FunctionDef) and node.name == "check"):
            raise Unsupported("code beside check")
    body = check_function(tree).body
    return [assertion(node) for node in body if not is_text(node) and not isinstance(node, ast.Pass)]


def check_function(tree: ast.Module) -> ast.FunctionDef:
    return next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "check")


def candidate_name(tree: ast.Module) -> str:
    arguments = check_function(tree).args.args
    if not arguments:
        raise Unsupported("check without a parameter")
    return arguments[0].arg


def is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def assertion(node: ast.stmt) -> ast.expr:
    if not isinstance(node, ast.Assert):
        raise Unsupported(type(node).__name__)
    return node.test


def turn_one(expression: ast.expr, targets: dict[str, str]) -> TurnedTest:
    """`targets` maps names in the test to names in the program."""
    nodes: list[ast.Call] = []
    calls: list[list[Any]] = []

    def nothing(node: ast.expr) -> Any:
        raise LookupError

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in targets:
            if any(isinstance(argument, ast.Starred) for argument in node.args):
                raise Unsupported("unpacked arguments")
            args = [evaluate(argument, nothing) for argument in node.args]
            words = {word.arg: evaluate(word.value, nothing) for word in node.keywords if word.arg}
            nodes.append(node)
            calls.append([{"name": targets[node.func.id]}, None, *send(args, words)])
        else:
            known_construct(node)
            for child in ast.iter_child_nodes(node):
                visit(child)

    visit(expression)
    return TurnedTest(expression, tuple(nodes), tuple(calls))


def send(args: list[Any], words: dict[str, Any]) -> tuple[Any, Any]:
    def refuse(value: Any) -> Any:
        raise Unsupported(f"argument of type {type(value).__name__}")

    try:
        return Encoder(refuse).encode(args), {key: Encoder(refuse).encode(value) for key, value in words.items()}
    except TooLarge as error:
        raise Unsupported(str(error)) from error


def program_names(tests: Sequence[ast.AST]) -> set[str]:
    """Names of the program in its assertions: what Python does not define.

    When there is none, a function of the program bears the name of a built-in one that every test calls.
    """
    called = [
        {node.func.id for node in ast.walk(test) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
        for test in tests
    ]
    return free_names(tests) - {"math"} or set.intersection(*called)


def free_names(nodes: Sequence[ast.AST]) -> set[str]:
    """Names that are used but neither bound by this code nor by Python."""
    used = {part.id for node in nodes for part in ast.walk(node) if isinstance(part, ast.Name)}
    return {name for name in used - bound_names(nodes) if not hasattr(builtins, name)}


def bound_names(nodes: Sequence[ast.AST]) -> set[str]:
    """Names that the test code itself defines, imports or binds somewhere."""
    bound: set[str] = set()
    for node in (part for top in nodes for part in ast.walk(top)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
    return bound


def known_construct(node: ast.AST) -> None:
    """Refuse early what `evaluate` would refuse late."""
    if isinstance(node, ast.Name) and node.id not in FUNCTIONS and node.id != "math":
        raise Unsupported(f"name {node.id}")
    if isinstance(node, ast.Attribute) and not (isinstance(node.value, ast.Name) and node.attr in MATH):
        raise Unsupported(f"attribute {node.attr}")
    if isinstance(
        node, (ast.comprehension, ast.Lambda, ast.JoinedStr, ast.NamedExpr, ast.Starred, ast.Await, ast.Yield)
    ):
        raise Unsupported(type(node).__name__)


def holds(test: TurnedTest, value_of: Callable[[int], Any]) -> bool:
    """Does the assertion hold when its calls return these values? `value_of` may raise to end the evaluation.

    Raises Unsupported when the values need a replay. An error of the expression itself is a failed assertion.
    """
    positions = {id(node): position for position, node in enumerate(test.nodes)}

    def known(node: ast.expr) -> Any:
        return value_of(positions[id(node)])

    try:
        return bool(evaluate(test.expression, known))
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError):
        return False
