r"""Words behind a value: `12 apples`, `5\text{ cm}^2`, `25\text{ percent}`, `2 hours 30 minutes`.

What the words mean is not asked here.
"""

from verifiers.math.nodes import Node, Unreadable, add, contains
from verifiers.math.parser import UNIT, Parser


def quantity(parser: Parser, left: Node) -> Node:
    """`left` with the words behind it; several quantities in a row are their sum."""
    typed = parser.peek.kind == "word" and not contains(left, "num")
    if left.kind == "text" or typed:  # `We find that`; behind a formula a unit stands in \\text
        raise Unreadable("prose")
    node = Node("unit", (left,), " ".join(_words(parser)).strip().removesuffix(" and"))
    if parser.peek.kind != "num":
        return node
    rest = parser.expression(UNIT)
    if rest.kind not in ("unit", "add"):
        raise Unreadable("two numbers side by side")
    return add(node, *(rest.args if rest.kind == "add" else (rest,)))


def _words(parser: Parser) -> list[str]:
    words: list[str] = []
    while parser.peek.kind in ("text", "word") or (parser.peek.kind == "letter" and parser.peek.spaced):
        words.append(_word(parser))
        if parser.peek.text == "/" and parser.tokens[parser.at + 1].kind in ("text", "word", "letter"):
            parser.next()
            words += ["per", _word(parser)] if parser.peek.kind == "letter" else ["per"]
    return words


def _word(parser: Parser) -> str:
    """One word, with its power."""
    word = parser.next().text
    return f"{word}^{_power(parser.exponent())}" if parser.skip("^") else word


def _power(exponent: Node) -> str:
    """`2`, `-1`."""
    return f"-{exponent.args[0].name}" if exponent.kind == "neg" else exponent.name
