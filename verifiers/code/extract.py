"""The program in a response: the last fenced block of the right language, or the code that stands there bare."""

import ast
import re
from dataclasses import dataclass

from verifiers.format import final_part

FENCE = re.compile(r"^[ ]{0,3}(`{3,}|~{3,})[ \t]*+([^\s`]*+)[^\n`]*+$", re.MULTILINE)
FUTURE = re.compile(r"^from __future__ import [\w, ]+$", re.MULTILINE)
NAMES: dict[str, frozenset[str]] = {
    "python": frozenset({"python", "py", "python3", "py3", "python2"}),
    "cpp": frozenset({"cpp", "c++", "cc", "cxx"}),
    "javascript": frozenset({"javascript", "js", "node"}),
    "bash": frozenset({"bash", "sh", "shell"}),
    "go": frozenset({"go", "golang"}),
    "rust": frozenset({"rust", "rs"}),
}
PYTHON_LINE = re.compile(
    r"^(?:(?:def|class|async def|for|while|if|with|try|elif|else)\b.*:|(?:import|from)\s+\w|@\w"
    r"|return\b|print\s*\(|[ \t]+\S|[\w.,\[\]() ]+[-+*/]?=[^=]|\w+\([^)\n]*\)[ \t]*(?:#.*)?$)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Block:
    language: str
    text: str
    closed: bool


def extract_program(response: str, language: str = "python", defines: str | None = None) -> str | None:
    """The program, or None when the response holds none.

    Blocks of the language come first, then blocks without a language, then a block that was cut off. Among equals the
    last one wins, but one that defines the function `defines` (or `class Solution`) goes before one that does not:
    an example of use often follows the solution.
    """
    text = final_part(response)
    blocks = fenced_blocks(text)
    fitting = NAMES.get(language, frozenset({language}))
    for wanted in (
        [block for block in blocks if block.closed and block.language in fitting],
        [block for block in blocks if block.closed and not block.language],
        [block for block in blocks if not block.closed and (block.language in fitting or not block.language)],
    ):
        programs = [block.text for block in wanted if block.text.strip()]
        if programs:
            return next((text for text in reversed(programs) if defines and holds(text, defines)), programs[-1])
    return None if blocks else bare_program(text, language)


def fenced_blocks(text: str) -> list[Block]:
    """Markdown's rule: a fence closes with the same character, at least as many, and nothing after it."""
    blocks: list[Block] = []
    opened: re.Match[str] | None = None
    for fence in FENCE.finditer(text):
        if opened is None:
            opened = fence
        elif fence[1].startswith(opened[1]) and fence[0].strip() == fence[1]:
            blocks.append(Block(opened[2].lower(), text[opened.end() + 1 : fence.start()], True))
            opened = None
    if opened is not None:
        rest = text[opened.end() + 1 :]
        late = re.search(rf"{re.escape(opened[1])}[ \t]*$", rest, re.MULTILINE)  # closed at the end of a line of code
        blocks.append(Block(opened[2].lower(), rest[: late.start()] if late else rest, late is not None))
    return blocks


def holds(program: str, name: str) -> bool:
    """Does the program define the function, or the class that contest judges look it up in?"""
    return re.search(rf"^(?:(?:async )?def {re.escape(name)}\b|class Solution\b)", program, re.MULTILINE) is not None


def binds(program: str, name: str) -> bool:
    """Does its top level assign or import the name? `add = lambda a, b: a + b` is whole, not the body of a function."""
    try:
        top = ast.parse(program).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    targets = [target for node in top if isinstance(node, ast.Assign) for target in node.targets]
    targets += [node.target for node in top if isinstance(node, ast.AnnAssign)]
    imported = [alias for node in top if isinstance(node, (ast.Import, ast.ImportFrom)) for alias in node.names]
    return name in {target.id for target in targets if isinstance(target, ast.Name)} | {
        alias.asname or alias.name for alias in imported
    }


def bare_program(text: str, language: str) -> str | None:
    """Unfenced code: from the first line that looks like code to the end. Prose alone is no program."""
    if language != "python":
        return text if text.strip() else None
    first = PYTHON_LINE.search(text)
    return text[first.start() :].rstrip() + "\n" if first else None


def complete(prompt: str, program: str, entry_point: str) -> str:
    """HumanEval: the prompt (imports, helpers, signature) and then a whole function or the body that continues it.

    Imports from `__future__` go to the top, where alone they may stand.
    """
    future = "".join(f"{line}\n" for line in FUTURE.findall(program))
    return future + join(prompt, FUTURE.sub("", program), entry_point)


def join(prompt: str, program: str, entry_point: str) -> str:
    if holds(program, entry_point) or binds(program, entry_point):
        stub = "\n    pass" if holds(prompt, entry_point) else ""
        return f"{prompt}{stub}\n\n{program}"
    if not program[:1].isspace() and program.strip():
        program = "".join(f"    {line}" for line in program.splitlines(keepends=True))
    return f"{prompt.rstrip()}\n{program}" if prompt.strip() else program
