"""Wrong answers made from right ones, to see whether a verifier turns them down.

Each is wrong for certain: a number is another number, a program cannot be right. Where that cannot be had for a row,
the row does without that kind.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

from rlvr.tasks.base import Example

FENCE = "```python\n{}\n```"
LITERAL = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+")
NEIGHBOURS = 50
"""How many following rows may lend their answer."""

Corruption = tuple[str, str]
"""(kind, response)"""


def corruptions(examples: Sequence[Example], index: int) -> Iterator[Corruption]:
    """Wrong responses to the task at `index`; the rows after it lend their answers. None without a gold response."""
    example = examples[index]
    if example.gold is None:
        return
    size = len(examples)
    others = [examples[(index + step) % size] for step in range(1, min(NEIGHBOURS, size))]
    if example.task.verifier == "math":
        yield "empty", ""
        yield from _wrong_numbers(example, others)
    elif example.task.verifier == "code":
        yield "empty", ""
        yield from _wrong_programs(example, others)


def answer_of(example: Example) -> str:
    """The final answer of a math task as text; empty when its reference has another shape."""
    reference = example.task.reference
    return str(reference.get("answer", "") if isinstance(reference, dict) else reference)


def number(text: str) -> Fraction | None:
    r"""The value of a plain number: `-1,080`, `$2.50`, `3/4`, `\frac{3}{4}`; None for anything else."""
    plain = re.sub(r"^(-?)\\[dt]?frac\{(\d+)\}\{(\d+)\}$", r"\1\2/\3", text.strip().removeprefix("\\$").lstrip("$"))
    plain = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", plain)
    if not re.fullmatch(r"-?(\d+(\.\d+)?|\.\d+|\d+/0*[1-9]\d*)", plain):
        return None
    return Fraction(plain)


def _wrong_numbers(example: Example, others: Sequence[Example]) -> Iterator[Corruption]:
    answer = answer_of(example)
    value = number(answer)
    if changed := changed_number(answer):
        yield "number changed", _say(example, changed)
    if value:
        flipped = answer.strip().removeprefix("-") if value < 0 else f"-{answer.strip()}"
        yield "sign flipped", _say(example, flipped)
    candidates = (answer_of(other) for other in others if other.task.verifier == "math")
    if other := next((text for text in candidates if _certainly_differ(answer, text)), None):
        yield "another row's", _say(example, other)


def changed_number(answer: str) -> str | None:
    r"""The first number outside `\text{...}` made larger by one; None when there is none."""
    words = [match.span() for match in re.finditer(r"\\(?:text|mbox|mathrm|textbf)\s*\{[^}]*\}", answer)]
    for match in LITERAL.finditer(answer):
        if not any(start <= match.start() < end for start, end in words):
            whole, point, decimals = match[0].replace(",", "").partition(".")
            return answer[: match.start()] + f"{int(whole or 0) + 1}{point}{decimals}" + answer[match.end() :]
    return None


def _certainly_differ(answer: str, other: str) -> bool:
    """Two plain numbers of different value; or words and symbols against a number they can hardly mean."""
    mine, theirs = number(answer), number(other)
    if theirs is None:
        return False
    if mine is not None:
        return mine != theirs
    return not re.search(r"\d", answer) and theirs > 20


def _say(example: Example, answer: str) -> str:
    """The gold response with another final answer."""
    head, found, tail = (example.gold or "").rpartition(answer_of(example))
    return head + answer + tail if found else f"\\boxed{{{answer}}}"


def _wrong_programs(example: Example, others: Sequence[Example]) -> Iterator[Corruption]:
    code = program_of(example.gold or "")
    yield "syntax error", FENCE.format(f"{code}\ndef (:")
    yield "exits at once", FENCE.format("import os\nos._exit(0)")
    names = _defined(code)
    if hollow := hollowed(code):
        yield "returns None", FENCE.format(hollow)
    programs = (program_of(other.gold or "") for other in others if other.task.verifier == "code")
    if other := next((program for program in programs if program and not names & _defined(program)), None):
        yield "another row's", FENCE.format(other)


def program_of(response: str) -> str:
    """The text inside the response's only code fence."""
    return response.removeprefix("```python\n").removesuffix("\n```")


def hollowed(code: str) -> str | None:
    """The program with every function's body replaced by `return None`; None without a function in it."""
    tree = _parsed(code)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)] if tree else []
    if not tree or not functions:
        return None
    for function in functions:
        function.body = [ast.Return(ast.Constant(None))]
    return ast.unparse(ast.fix_missing_locations(tree))


def _defined(code: str) -> set[str]:
    tree = _parsed(code)
    nodes = ast.walk(tree) if tree else ()
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def _parsed(code: str) -> ast.Module | None:
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError):
        return None
