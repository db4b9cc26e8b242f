"""The text of an answer, read: its cleaned form, its words or its tree, and its choice letter."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from verifiers.math import notation as notation  # fills the parser's tables
from verifiers.math.clean import clean
from verifiers.math.lexer import tokenize
from verifiers.math.nodes import Node, Unreadable, add, div, mul, neg, num, power, rewrite, sym, walk
from verifiers.math.parser import Parser
from verifiers.math.units import PERCENT, SCALES, is_quantity_word, mixed_quantity
from verifiers.math.words import choice_of, meaning, unwrapped, words_of

MAX_LENGTH = 4000
"""Characters of an answer that is parsed; longer ones are compared as strings."""
SHORT = 300
"""Characters of an answer that is remembered among thousands; of longer ones only the latest are."""
MAX_TREE_DEPTH = 60
MAX_ENTRIES = 25
"""Of a product of matrices."""

POWERS = {"squared": 2, "cubed": 3}

_BASE = re.compile(r"\(?([0-9A-Z]+)\)?(?:_\(?(?:BASE)?|\(?BASE)([0-9]{1,2}|[A-Z]+)\)?")
_BASE_WORDS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
               "eleven": 11, "twelve": 12, "sixteen": 16}  # fmt: skip
_SPACED_THOUSANDS = re.compile(r"-?\d{1,3}(?: \d{3})+(?:\.\d+)?", re.ASCII)
_IMPLIED = re.compile(r"\\(?:implies|Rightarrow|Longrightarrow|therefore|iff|Leftrightarrow|mapsto)(?![A-Za-z])")


_DOUBLED = re.compile(r"\\\\(?=[A-Za-z])")
_SINGLE = re.compile(r"(?<!\\)\\[A-Za-z]")


def single_backslashes(text: str) -> str:
    r"""`\\\\frac` is `\\frac` escaped once too often, when every command of the text is doubled."""
    if "\\\\" not in text or _SINGLE.search(text) or not _DOUBLED.search(text):
        return text
    return text.replace("\\\\", "\\")


class Answer(NamedTuple):
    """One answer. `node` is None for words without a mathematical meaning, and for what the parser cannot read."""

    text: str
    words: str | None
    node: Node | None
    choice: str = ""
    """The letter of a multiple-choice answer."""
    chosen: str = ""
    """What follows the letter: `12` of `B) 12`."""


def read(text: str) -> Answer:
    """Never raises: what cannot be read has no tree."""
    if len(text) > MAX_LENGTH:
        return Answer(clean(text) if len(text) < 16 * MAX_LENGTH else text.strip(), None, None)
    return _read_short(text) if len(text) <= SHORT else _read_long(text)


def _read(text: str) -> Answer:
    text = clean(single_backslashes(text))
    parts = _IMPLIED.split(text)
    if len(parts) > 1 and parts[-1].strip():
        text = clean(parts[-1])
    if _SPACED_THOUSANDS.fullmatch(text):
        text = text.replace(" ", "")
    words = words_of(text)
    node = meaning(words) if words is not None else based_number(text)
    if node is None and (words is None or len(text) <= 4):
        try:
            node = parse(text)
        except Unreadable:
            node = None
    return Answer(text, words, node, *choice_of(text))


_read_short = lru_cache(maxsize=4096)(_read)
_read_long = lru_cache(maxsize=64)(_read)


def forget() -> None:
    """Empty the memory of answers that were read; for measurements."""
    _read_short.cache_clear()
    _read_long.cache_clear()


def parse(text: str) -> Node:
    """The tree of a cleaned answer. Raises Unreadable."""
    if len(text) > MAX_LENGTH:
        raise Unreadable("too long")
    parser = Parser(tokenize(text))
    node = parser.items()
    if parser.peek.kind != "end":
        raise Unreadable(f"unexpected {parser.peek.text!r}")
    level, depth = [node], 0
    while level:
        level, depth = [arg for part in level for arg in part.args], depth + 1
        if depth > MAX_TREE_DEPTH:
            raise Unreadable("nested too deeply")
    if any(part.kind in ("unit", "matrix", "tuple") for part in walk(node)):
        node = rewrite(node, _arrange)
    return node


def _arrange(node: Node) -> Node:
    """Units and matrices to the top: `-(5 cm)` is `(-5) cm`, a multiple of a matrix is a matrix."""
    if node.kind == "unit":
        return _quantity(node.args[0], node.name.lower().strip(" .,"))
    kinds = [arg.kind for arg in node.args]
    if node.kind == "pow" and kinds[0] in ("matrix", "tuple") and node.args[1] == sym("T"):
        return _transposed(node.args[0])
    if node.kind == "func" and node.name in ("det", "abs") and kinds == ["matrix"]:
        return notation.expand_determinant([row.args for row in node.args[0].args])
    if node.kind == "neg" and kinds == ["unit"]:
        return Node("unit", (neg(node.args[0].args[0]),), node.args[0].name)
    if node.kind == "neg" and kinds == ["matrix"]:
        return _entries(node.args[0], neg)
    if node.kind in ("add", "list") and len(kinds) > 1 and set(kinds) == {"unit"}:
        return mixed_quantity(node)
    if node.kind == "add" and set(kinds) == {"matrix"}:
        return _matrix_sum(node)
    if node.kind == "mul" and kinds == ["matrix", "matrix"]:
        return _matrix_product(*node.args)
    if node.kind == "mul" and kinds.count("matrix") == 1:
        at = kinds.index("matrix")
        factors = (*node.args[:at], *node.args[at + 1 :])
        return _entries(node.args[at], lambda entry: mul(*factors, entry))
    if node.kind == "div" and kinds[0] == "matrix":
        return _entries(node.args[0], lambda entry: div(entry, node.args[1]))
    return node


def _transposed(node: Node) -> Node:
    """`(1, 2)^T` is a column."""
    rows = [row.args for row in node.args] if node.kind == "matrix" else [node.args]
    return _matrix([list(column) for column in zip(*rows, strict=True)])


def _entries(matrix: Node, rule: Callable[[Node], Node]) -> Node:
    return _matrix([list(map(rule, row.args)) for row in matrix.args])


def _matrix_sum(node: Node) -> Node:
    if len({(len(matrix.args), len(matrix.args[0].args)) for matrix in node.args}) > 1:
        raise Unreadable("sum of matrices of different sizes")
    rows = zip(*(matrix.args for matrix in node.args), strict=True)
    return _matrix([[add(*entries) for entries in zip(*(row.args for row in group), strict=True)] for group in rows])


def _matrix_product(left: Node, right: Node) -> Node:
    columns = list(zip(*(row.args for row in right.args), strict=True))
    if len(left.args[0].args) != len(right.args) or len(left.args) * len(columns) > MAX_ENTRIES:
        raise Unreadable("product of matrices of these sizes")
    return _matrix([[add(*map(mul, row.args, column)) for column in columns] for row in left.args])


def _matrix(rows: list[list[Node]]) -> Node:
    return Node("matrix", tuple(Node("row", tuple(row)) for row in rows))


def _quantity(value: Node, words: str) -> Node:
    """`5 million`, `25 percent`, `5 cm`; any other remark behind a number makes the answer unreadable."""
    if words.startswith("(") and words.endswith(")"):  # `36 (square units)`
        words = words[1:-1].strip()
    if not words:
        return value
    first, _, rest = words.partition(" ")
    if first in SCALES:
        scale = num(SCALES[first])
        if value.kind == "unit":  # $2 million
            return Node("unit", (mul(value.args[0], scale),), value.name)
        return _quantity(mul(value, scale), rest)
    if words in POWERS:  # `12 squared`
        return power(value, num(POWERS[words]))
    if words in PERCENT:
        return Node("pct", (value,))
    if not is_quantity_word(words):
        raise Unreadable(f"a remark behind the value: {words!r}")
    return Node("unit", (value,), words)


def based_number(text: str) -> Node | None:
    """`101_2`, `1A_{16}`, `101_{\\text{two}}`, `101 base 2`: digits and base, if the digits fit the base."""
    match = _BASE.fullmatch(unwrapped(text).replace(" ", "").upper())
    if match is None:
        return None
    digits, name = match.groups()
    base = int(name) if name.isdigit() else _BASE_WORDS.get(name.lower(), 0)
    if not 2 <= base <= 36 or not any(char.isdigit() for char in digits):
        return None
    if any(int(char, 36) >= base for char in digits):
        return None
    return Node("base", name=f"{digits.lstrip('0') or '0'}_{base}")
