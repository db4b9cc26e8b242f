r"""What each sign and command means to the parser: `\frac`, `\sqrt`, `\sum`, `^`, `\cup`, ...

One row a command, in two tables: `PREFIX` for what opens an expression, `INFIX` for what follows one.
"""

import re
from collections.abc import Callable

from verifiers.math.nodes import (
    EMPTY,
    INFINITY,
    PI,
    REALS,
    Node,
    Unreadable,
    add,
    contains,
    div,
    func,
    mul,
    neg,
    num,
    power,
    rewrite,
    sym,
)
from verifiers.math.parser import INFIX, PREFIX, PRODUCT, RATIO, SETS, SUM, UNIT, Parser
from verifiers.math.piecewise import has_conditions, piecewise
from verifiers.math.quantities import quantity
from verifiers.math.vocabulary import GREEK_NAMES

ACCENTS = {"vec", "hat", "tilde", "bar", "overline", "dot", "ddot", "widetilde", "underline", "mathring"}
BRACKETS = {"lfloor": ("rfloor", "floor"), "lceil": ("rceil", "ceil"), "Vert": ("Vert", "norm")}
CONSTANTS = {name: sym(name) for name in GREEK_NAMES} | {"pi": PI, "infty": INFINITY, "emptyset": EMPTY}
MATRICES = re.compile(r"[pbvBV]?matrix|smallmatrix|array|cases|aligned|align|gathered")
HALF = div(num(1), num(2))


def constant(node: Node) -> Callable[[Parser], Node]:
    return lambda parser: node


def fraction(parser: Parser) -> Node:
    return div(parser.group(), parser.group())


def root(parser: Parser) -> Node:
    index: Node | None = None
    if parser.skip("["):
        index = parser.expression()
        parser.expect("]")
    body = parser.root_body()
    return power(body, HALF if index is None else div(num(1), index))


def binomial(parser: Parser) -> Node:
    return Node("binom", (parser.group(), parser.group()))


def signed(kind: str) -> Callable[[Parser], Node]:
    return lambda parser: Node(kind, (parser.expression(PRODUCT),))


def closing(shape: str) -> Callable[[Parser], Node]:
    end, name = BRACKETS[shape]

    def read(parser: Parser) -> Node:
        node = parser.expression()
        parser.expect(end)
        return func(name, node)

    return read


def reversed_interval(parser: Parser) -> Node:
    """`]3, 7]` is `(3, 7]`."""
    node = parser.items()
    closing = {"[": ")", "]": "]"}[parser.expect("[", "]")]
    if node.kind != "list" or len(node.args) != 2:
        raise Unreadable("bracket")
    return Node("tuple", node.args, "(" + closing)


def angled(parser: Parser) -> Node:
    node = parser.items()
    parser.expect("rangle", ">")
    return Node("tuple", node.args if node.kind == "list" else (node,), "<>")


def accent(name: str) -> Callable[[Parser], Node]:
    r"""`\vec{v}`, `\overline{AB}`: one symbol, told apart from the plain letter; a bar over a number is a conjugate."""

    def read(parser: Parser) -> Node:
        start = parser.at
        body = parser.group()
        if name in ("overline", "bar") and contains(body, "const"):
            return func("conj", body)
        parser.at = start
        text = parser.raw_group().replace(" ", "")
        return sym(f"{'bar' if name == 'overline' else name} {text}")

    return read


def bounded(kind: str) -> Callable[[Parser], Node]:
    r"""`\sum_{k=1}^{n} k`: arguments are body, lower and upper bound; the name is the index."""

    def read(parser: Parser) -> Node:
        low, high = None, None
        while parser.sees("_", "^"):
            if parser.next().text == "_":
                low = parser.group()
            else:
                high = parser.exponent()
        if (
            low is None
            or high is None
            or low.kind != "rel"
            or low.name != "="
            or low.args[0].kind not in ("sym", "const")
        ):
            raise Unreadable(f"{kind} without bounds")
        index = low.args[0].name
        body = rewrite(parser.expression(PRODUCT), lambda node: sym(index) if node == low.args[0] else node)
        return Node(kind, (body, low.args[1], high), index)

    return read


def integral(parser: Parser) -> Node:
    r"""`\int_a^b f \, dx`; without bounds it has one argument. The differential stands at the end."""
    bounds: dict[str, Node] = {}
    while parser.sees("_", "^"):
        mark = parser.next().text
        bounds[mark] = parser.group() if mark == "_" else parser.exponent()
    body = parser.expression(SUM)
    last = body.args[-1] if body.kind == "add" else body
    factors = _factors(last)
    if len(factors) < 2 or factors[-2] != sym("d") or factors[-1].kind != "sym":
        raise Unreadable("integral without its differential")
    rest = mul(*factors[:-2]) if len(factors) > 2 else num(1)
    body = add(*body.args[:-1], rest) if body.kind == "add" else rest
    return Node("int", (body, *(bounds[mark] for mark in ("_", "^") if mark in bounds)), factors[-1].name)


def _factors(node: Node) -> list[Node]:
    return [part for factor in node.args for part in _factors(factor)] if node.kind == "mul" else [node]


def limit(parser: Parser) -> Node:
    parser.expect("_")
    to = parser.group()
    if to.kind != "rel" or to.name != "to" or to.args[0].kind != "sym":
        raise Unreadable("limit without its variable")
    return Node("lim", (parser.expression(PRODUCT), to.args[1]), to.args[0].name)


def blackboard(parser: Parser) -> Node:
    name = parser.raw_group()
    node = REALS if name == "R" else Node("field", name=name)
    if parser.skip("^"):
        return Node("field", name=f"{name}^{parser.exponent().name}")
    return node


def environment(parser: Parser) -> Node:
    r"""`\begin{pmatrix}...\end{pmatrix}` and its kin; a determinant is a function, plain `cases` are a list."""
    name = parser.raw_group().replace(" ", "").rstrip("*")
    if not MATRICES.fullmatch(name):
        raise Unreadable(f"environment {name!r}")
    if name == "array" and parser.sees("{"):
        parser.raw_group()
    node = piecewise(parser) if name == "cases" and has_conditions(parser) else table(parser, name)
    parser.expect("end")
    if parser.raw_group().replace(" ", "").rstrip("*") != name:
        raise Unreadable("environments overlap")
    return node


def table(parser: Parser, name: str) -> Node:
    """Rows of cells: a matrix, or a list of statements."""
    rows: list[tuple[Node, ...]] = [()]
    while not parser.sees("end"):
        rows[-1] = (*rows[-1], parser.relation())
        if parser.skip("\\\\"):
            rows.append(())
        elif not parser.skip("&", ",") and not parser.sees("end"):
            raise Unreadable("matrix cell")
    rows = [row for row in rows if row]
    if name in ("cases", "aligned", "align", "gathered"):
        if any(len(row) != 1 for row in rows):
            raise Unreadable("aligned columns")
        return Node("list", tuple(row[0] for row in rows), "and")
    return matrix(rows, determinant=name == "vmatrix")


def matrix(rows: list[tuple[Node, ...]], *, determinant: bool = False) -> Node:
    if not rows or len({len(row) for row in rows}) != 1:
        raise Unreadable("ragged matrix")
    node = Node("matrix", tuple(Node("row", row) for row in rows))
    return expand_determinant(rows) if determinant else node


def expand_determinant(rows: list[tuple[Node, ...]]) -> Node:
    if len(rows) != len(rows[0]) or len(rows) > 4:
        raise Unreadable("determinant of this size")
    if len(rows) == 1:
        return rows[0][0]
    terms = []
    for column, entry in enumerate(rows[0]):
        minor = [(*row[:column], *row[column + 1 :]) for row in rows[1:]]
        term = mul(entry, expand_determinant(minor))
        terms.append(neg(term) if column % 2 else term)
    return add(*terms)


def plus(parser: Parser) -> Node:
    return parser.expression(PRODUCT)


def dollars(parser: Parser) -> Node:
    return Node("unit", (parser.expression(SUM),), "usd")


def negation(parser: Parser) -> Node:
    return neg(parser.expression(PRODUCT))


def boxed(parser: Parser) -> Node:
    return parser.group()


def binary(kind: str, floor: int) -> Callable[[Parser, Node], Node]:
    """Sums and products of many operands are one node."""

    def read(parser: Parser, left: Node) -> Node:
        right = parser.expression(floor + 1)
        return Node(kind, (*left.args, right)) if left.kind == kind else Node(kind, (left, right))

    return read


def minus(parser: Parser, left: Node) -> Node:
    right = neg(parser.expression(SUM + 1))
    return add(*left.args, right) if left.kind == "add" else add(left, right)


def set_operation(kind: str) -> Callable[[Parser, Node], Node]:
    def read(parser: Parser, left: Node) -> Node:
        right = parser.expression(SETS + 1)
        return Node(kind, (*left.args, right)) if left.kind == kind == "union" else Node(kind, (left, right))

    return read


def plus_minus(kind: str) -> Callable[[Parser, Node], Node]:
    return lambda parser, left: add(left, Node(kind, (parser.expression(SUM + 1),)))


def divided(parser: Parser, left: Node) -> Node:
    return div(left, parser.expression(PRODUCT + 1))


def ratio(parser: Parser, left: Node) -> Node:
    if left.kind == "text":
        raise Unreadable("words before mathematics")
    right = parser.expression(RATIO + 1)
    return Node("ratio", (*left.args, right)) if left.kind == "ratio" else Node("ratio", (left, right))


def raised(parser: Parser, left: Node) -> Node:
    if parser.skip("circ") or _degree_group(parser):
        return degrees(parser, left)
    if parser.sees("'"):
        return primed(parser, left)
    return power(left, parser.exponent())


def _degree_group(parser: Parser) -> bool:
    if parser.sees("{") and parser.tokens[parser.at + 1].text == "circ" and parser.tokens[parser.at + 2].text == "}":
        parser.at += 3
        return True
    return False


def degrees(parser: Parser, left: Node) -> Node:
    """`30^\\circ`, and `20^\\circ C` as a temperature."""
    scale = parser.peek
    if scale.text in ("C", "F") and parser.tokens[parser.at + 1].kind == "end":
        parser.next()
        return Node("unit", (left,), f"deg{scale.text}")
    return Node("deg", (left,))


def subscript(parser: Parser, left: Node) -> Node:
    """`x_1` is one symbol; a subscript on a number is its base."""
    index = parser.raw_group().replace(" ", "")
    if left.kind == "sym":
        return sym(f"{left.name}_{index}")
    if left.kind == "const":
        return sym(f"{left.name}_{index}")
    if left.kind == "num" and left.name.isdigit():
        return Node("base", name=f"{left.name}_{index}")
    raise Unreadable("subscript")


def primed(parser: Parser, left: Node) -> Node:
    if left.kind != "sym":
        raise Unreadable("prime")
    return sym(left.name + "'")


def modulus(parser: Parser, left: Node) -> Node:
    return Node("mod", (left, parser.group() if parser.sees("{") else parser.expression(PRODUCT)))


def over(parser: Parser, left: Node) -> Node:
    return div(left, parser.expression(UNIT))


def choose(parser: Parser, left: Node) -> Node:
    return Node("binom", (left, parser.expression(UNIT)))


def trailing_dollar(parser: Parser, left: Node) -> Node:
    return Node("unit", (left,), "usd")


PREFIX.update({name: constant(node) for name, node in CONSTANTS.items()})
PREFIX.update({name: accent(name) for name in ACCENTS})
PREFIX.update({name: closing(name) for name in BRACKETS})
PREFIX.update({name: bounded(name) for name in ("sum", "prod")})
PREFIX.update(
    {
        "frac": fraction,
        "sqrt": root,
        "binom": binomial,
        "pm": signed("pm"),
        "mp": signed("mp"),
        "+": plus,
        "-": negation,
        "(": lambda parser: parser.bracket("("),
        "[": lambda parser: parser.bracket("["),
        "]": reversed_interval,
        "{": Parser.brace_group,
        "\\{": Parser.braces,
        "|": Parser.bar,
        "mid": Parser.bar,
        "langle": angled,
        "int": integral,
        "lim": limit,
        "mathbb": blackboard,
        "begin": environment,
        "boxed": boxed,
        "$": dollars,
    }
)
INFIX.update(
    {
        "+": binary("add", SUM),
        "*": binary("mul", PRODUCT),
        "-": minus,
        "pm": plus_minus("pm"),
        "mp": plus_minus("mp"),
        "/": divided,
        ":": ratio,
        "^": raised,
        "circ": degrees,
        "_": subscript,
        "'": primed,
        "!": lambda parser, left: Node("fact", (left,)),
        "!!": lambda parser, left: Node("dfact", (left,)),
        "%": lambda parser, left: Node("pct", (left,)),
        "$": trailing_dollar,
        "unit": quantity,
        "mod": modulus,
        "pmod": modulus,
        "over": over,
        "choose": choose,
        "cup": set_operation("union"),
        "cap": set_operation("inter"),
        "setminus": set_operation("minus"),
    }
)
