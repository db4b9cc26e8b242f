"""The parser: what notation becomes which tree, and what is refused."""

from fractions import Fraction

import pytest

from verifiers.math.nodes import Node, Unreadable, walk
from verifiers.math.reading import MAX_LENGTH, MAX_TREE_DEPTH, parse, read


def shape(node: Node) -> str:
    """The tree in short prefix form."""
    label = str(node.value) if node.kind == "num" else node.name or node.kind
    return f"{label}({' '.join(map(shape, node.args))})" if node.args else label


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("1+2*3", "add(1 mul(2 3))"),
        ("-x^2", "neg(pow(x 2))"),
        ("2^3^4", "pow(2 pow(3 4))"),
        ("1/2/3", "div(div(1 2) 3)"),
        ("1/2x", "mul(div(1 2) x)"),
        ("2xy", "mul(2 x y)"),
        ("3(4)", "mul(3 4)"),
        ("\\frac12", "div(1 2)"),
        ("\\frac1{23}", "div(1 23)"),
        ("\\frac{1}23", "mul(div(1 2) 3)"),
        ("\\sqrt2x", "mul(pow(2 div(1 2)) x)"),
        ("\\sqrt[3]{x}", "pow(x div(1 3))"),
        ("2\\frac13", "add(2 div(1 3))"),
        ("2^3\\frac13", "mul(pow(2 3) div(1 3))"),
        ("\\sin 2x+1", "add(sin(mul(2 x)) 1)"),
        ("\\sin^2 x", "pow(sin(x) 2)"),
        ("\\sin^{-1} x", "arcsin(x)"),
        ("\\ln x^2", "ln(pow(x 2))"),
        ("\\ln(x)^2", "pow(ln(x) 2)"),
        ("\\log_2 8", "div(ln(8) ln(2))"),
        ("|x-1|", "abs(add(x neg(1)))"),
        ("||x|-1|", "abs(add(abs(x) neg(1)))"),
        ("n!", "fact(n)"),
        ("2n!", "mul(2 fact(n))"),
        ("x_{12}", "x_12"),
        ("1,2", ",(1 2)"),
        ("1 or 2", "or(1 2)"),
        ("(1,2]", "(](1 2)"),
        ("\\{1\\}", "set(1)"),
        ("{1,2}", "set(1 2)"),
        ("a<b\\le c", "< <=(a b c)"),
        ("1:2:3", "ratio(1 2 3)"),
        ("3 (mod 7)", "mod(3 7)"),
        ("5\\text{ cm}", "cm(5)"),
        ("3+4\\text{ cm}", "cm(add(3 4))"),
        ("12 apples", "apples(12)"),
        ("1,234", "1234"),
        ("(1,234)", "()(1 234)"),
        ("1,234,56", ",(1 234 56)"),
        ("0.1\\overline{6}", "1/6"),
        ("0.\\dot{1}4\\dot{2}", "142/999"),
        ("1.5e3", "mul(3/2 pow(10 3))"),
        ("4.5 x 10^3", "mul(9/2 pow(10 3))"),
        ("sinx", "sin(x)"),
        ("sqrt(2)pi", "mul(pow(2 div(1 2)) pi)"),
        ("\\mathbf{v}", "v"),
        ("{n \\choose 2}", "binom(n 2)"),
        ("{1 \\over 2}", "div(1 2)"),
        ("2 i", "mul(2 i)"),
    ],
)
def test_trees(text: str, tree: str) -> None:
    assert shape(parse(text)) == tree


REFUSED = [
    *["", "1+", "(1", "1)", "\\frac{1}", "2 6", "x2", "1..2", "\\foo", "{", "\\{1", "^2", "f(", "@", "\\sum k"],
    *["5\\text{ is wrong}", "5 not 6", "\\begin{pmatrix}1&2\\\\3\\end{pmatrix}", "\\begin{pmatrix}1\\end{bmatrix}"],
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_read(text: str) -> None:
    with pytest.raises(Unreadable):
        parse(text)


HUGE = ["(" * 60 + "1" + ")" * 60, "-" * 200 + "1", "1" + "!" * 200, "x" + "^2" * 200, "1/" * 300 + "1"]


@pytest.mark.parametrize("text", [*HUGE, "+".join("x" * 1200), "9" * 3500, "0." + "1" * 3500])
def test_limits_refuse_instead_of_working_for_ever(text: str) -> None:
    with pytest.raises(Unreadable):
        parse(text)


def test_long_answers_are_not_parsed() -> None:
    assert read("1+" * MAX_LENGTH + "1").node is None


def test_a_long_flat_sum_is_read() -> None:
    node = parse("+".join("x" for _ in range(400)))
    assert len(list(walk(node))) == 401


def test_depth_of_what_is_read_stays_below_the_limit() -> None:
    text = "\\sqrt{" * 30 + "2" + "}" * 30
    depth, level = 0, [parse(text)]
    while level:
        depth, level = depth + 1, [arg for node in level for arg in node.args]
    assert 30 <= depth <= MAX_TREE_DEPTH


def test_numbers_are_exact() -> None:
    assert parse("0.1").value == Fraction(1, 10)
    assert parse("0.\\overline{142857}").value == Fraction(1, 7)
