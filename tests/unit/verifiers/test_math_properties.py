"""Properties of the math verifier over generated expressions, lists and arbitrary text."""

import threading
from fractions import Fraction

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from verifiers.base import Verdict
from verifiers.math import MathVerifier
from verifiers.math.nodes import Node, add, div, mul, neg, num, power, sym

MATH = MathVerifier()
QUICK = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

numbers = st.integers(0, 99).map(num)
fractions = st.tuples(st.integers(1, 40), st.integers(1, 40)).map(lambda pair: div(num(pair[0]), num(pair[1])))
roots = st.integers(2, 30).map(lambda radicand: power(num(radicand), num(Fraction(1, 2))))
letters = st.sampled_from("xyn").map(sym)


def grow(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        pairs.map(lambda two: add(*two)),
        pairs.map(lambda two: mul(*two)),
        inner.map(neg),
        st.tuples(inner, st.integers(2, 4)).map(lambda two: power(two[0], num(two[1]))),
        st.tuples(inner, st.integers(2, 9)).map(lambda two: div(two[0], num(two[1]))),
    )


scalars = st.recursive(st.one_of(numbers, fractions, roots, letters), grow, max_leaves=6)


def latex(node: Node) -> str:
    """The usual LaTeX of a generated tree."""
    match node.kind:
        case "num":
            return str(node.value)
        case "sym":
            return node.name
        case "add":
            return "+".join(f"({latex(arg)})" for arg in node.args)
        case "mul":
            return "\\cdot ".join(f"\\left({latex(arg)}\\right)" for arg in node.args)
        case "neg":
            return f"-\\left({latex(node.args[0])}\\right)"
        case "div":
            return f"\\frac{{{latex(node.args[0])}}}{{{latex(node.args[1])}}}"
    base, exponent = node.args
    if exponent.value.denominator == 2:
        return f"\\sqrt{{{latex(base)}}}"
    return f"\\left({latex(base)}\\right)^{{{latex(exponent)}}}"


def plain(node: Node) -> str:
    """The same tree as one would type it, with the operands in the other order."""
    match node.kind:
        case "num":
            return str(node.value)
        case "sym":
            return node.name
        case "add":
            return " + ".join(f"({plain(arg)})" for arg in reversed(node.args))
        case "mul":
            return " * ".join(f"({plain(arg)})" for arg in reversed(node.args))
        case "neg":
            return f"-({plain(node.args[0])})"
        case "div":
            return f"({plain(node.args[0])})/({plain(node.args[1])})"
    base, exponent = node.args
    if exponent.value.denominator == 2:
        return f"sqrt({plain(base)})"
    return f"({plain(base)})^({plain(exponent)})"


def status(response: str, reference: str) -> str:
    return MATH.verify(response, reference).status


@QUICK
@given(scalars)
def test_an_expression_equals_itself_in_any_notation(node: Node) -> None:
    assert status(f"\\boxed{{{latex(node)}}}", latex(node)) == "correct"
    assert status(plain(node), latex(node)) == "correct"
    assert status(latex(node), plain(node)) == "correct"


@QUICK
@given(scalars, st.sampled_from([num(1), num(Fraction(1, 1000)), num(Fraction(1, 10**40))]))
def test_an_expression_differs_from_itself_and_a_little(node: Node, little: Node) -> None:
    more = f"{latex(node)}+{latex(div(num(little.value.numerator), num(little.value.denominator)))}"
    assert status(more, latex(node)) == "incorrect"
    assert status(latex(node), more) == "incorrect"


@QUICK
@given(scalars, scalars)
def test_equality_of_scalars_is_symmetric(one: Node, two: Node) -> None:
    assert status(latex(one), plain(two)) == status(plain(two), latex(one))


@QUICK
@given(st.lists(scalars, min_size=2, max_size=4), st.randoms())
def test_sets_are_unordered_and_tuples_are_not(items: list[Node], random: object) -> None:
    shuffled = list(reversed(items))
    one, two = (", ".join(map(latex, row)) for row in (items, shuffled))
    assert status(f"\\{{{two}\\}}", f"\\{{{one}\\}}") == "correct"
    assert status(two, one) == "correct"
    palindrome = all(status(latex(a), latex(b)) == "correct" for a, b in zip(items, shuffled, strict=True))
    assert (status(f"({two})", f"({one})") == "correct") == palindrome


FRAGMENTS = (
    "\\frac \\sqrt \\boxed{ } { ( ) [ ] \\{ \\} ^ _ , ; : + - * / = < > | ! % $ \\pm \\cup \\text{ or and x y 1 23 "
    "0.5 e i \\pi \\infty \\sum_{k=1}^ \\int_0^1 dx \\begin{pmatrix} \\end{pmatrix} & \\\\ ' \\overline{ #### answer: "
    "is </think> \\left( \\right) \\circ \\pmod{ cm ½ ² √ − \u0305 １ \x00"
)
pieces = st.lists(st.sampled_from(FRAGMENTS.split(" ")), max_size=25)
soup = st.one_of(st.text(max_size=60), pieces.map("".join), pieces.map(" ".join))


@settings(QUICK, max_examples=200)
@given(soup, soup)
def test_no_text_raises_and_scores_stay_in_bounds(response: str, reference: str) -> None:
    if not reference.strip() or not reference.isprintable():
        reference = "x"
    verdict = MATH.fast(response, reference)
    assert verdict is None or (isinstance(verdict, Verdict) and verdict.score in (0.0, 1.0))
    assert verdict == MATH.fast(response, reference)


@QUICK
@given(st.lists(st.tuples(scalars, scalars), min_size=1, max_size=4))
def test_a_thread_changes_nothing(pairs: list[tuple[Node, Node]]) -> None:
    here = [MATH.fast(latex(one), latex(two)) for one, two in pairs]
    there: list[Verdict | None] = []
    thread = threading.Thread(target=lambda: there.extend(MATH.fast(latex(one), latex(two)) for one, two in pairs))
    thread.start()
    thread.join()
    assert here == there
