"""The tiers of scalar equality one by one: each is right in what it says, and silent where it cannot know."""

from fractions import Fraction

import pytest

from verifiers.math.nodes import Node
from verifiers.math.rational import exact, fold
from verifiers.math.reading import parse
from verifiers.math.regions import NoRegion, region_of, same_region
from verifiers.math.residues import is_prime, nth_root, prime_pool, same_fingerprint, square_root
from verifiers.math.sampling import same_value
from verifiers.math.scalar import same_scalar
from verifiers.math.symbolic import same_symbolic


def tree(text: str) -> Node:
    return fold(parse(text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("\\frac{1}{3}+\\frac{1}{6}", Fraction(1, 2)),
        ("\\sqrt{\\frac{4}{9}}", Fraction(2, 3)),
        ("(-8)^{1/3}", Fraction(-2)),
        ("5!!", Fraction(15)),
        ("\\binom{5}{2}", Fraction(10)),
        ("\\sum_{k=1}^{4} k^2", Fraction(30)),
        ("\\prod_{k=1}^{4} k", Fraction(24)),
        ("\\lfloor -\\frac{1}{2} \\rfloor", Fraction(-1)),
        ("\\gcd(12, 18)", Fraction(6)),
        ("2^{1000}", Fraction(2**1000)),
    ],
)
def test_rational_values(text: str, value: Fraction) -> None:
    assert exact(parse(text)) == value


@pytest.mark.parametrize("text", ["\\sqrt{2}", "x", "\\pi", "2^{10^9}", "10^{10^6}", "100000!", "\\sum_{k=1}^{10^9} k"])
def test_no_rational_value_or_none_within_the_budget(text: str) -> None:
    assert exact(parse(text)) is None


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("(x+1)^{300}", "(1+x)^{300}", True),
        ("(x+1)^{300}", "(x+1)^{300}+1", False),
        ("\\sqrt{8}", "2\\sqrt{2}", True),
        ("\\sqrt{2}\\sqrt{3}", "\\sqrt{6}", True),
        ("\\sqrt{2}\\sqrt{3}", "-\\sqrt{6}", False),
        ("\\sqrt{-4}", "2i", True),
        ("\\sqrt[3]{-8}", "-2", True),
        ("\\sqrt[3]{16}", "2\\sqrt[3]{2}", True),
        ("\\sqrt{x}\\sqrt{x}", "x", True),
        ("9^{9^{9}}", "9^{9^{9}}", True),
        ("9^{9^{9}}", "9^{9^{8}}", False),
        ("e^{100}+1", "e^{100}", False),
        ("\\pi^2", "\\pi\\cdot\\pi", True),
        ("i^2", "-1", True),
        ("\\frac{1}{2006!}", "\\frac{1}{2004!}", False),
        ("\\sin(x+x)", "\\sin(2x)", True),
        ("\\sin^2 x+\\cos^2 x", "1", None),
        ("\\sqrt{3+2\\sqrt{2}}", "1+\\sqrt{2}", None),
        ("\\sqrt{x^2}", "x", None),
        ("\\frac{1}{0}", "1", None),
    ],
)
def test_fingerprints(left: str, right: str, same: bool | None) -> None:
    assert same_fingerprint(tree(left), tree(right)) is same
    assert same_fingerprint(tree(right), tree(left)) is same


def test_the_primes_have_the_roots_that_the_fingerprint_needs() -> None:
    for pool in (prime_pool(True), prime_pool(False)):
        assert len(set(pool)) == len(pool)
        assert all(is_prime(prime) and prime % 16 == 9 and prime.bit_length() == 61 for prime in pool)
    prime = prime_pool(True)[0]
    for value in (2, 3, 5, 7, 11, 13, 17, 19, prime - 1):
        assert square_root(value, prime) ** 2 % prime == value
    prime = prime_pool(False)[0]
    assert pow(nth_root(10, 3, prime), 3, prime) == 10


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("\\sin^2 x+\\cos^2 x", "1", True),
        ("\\sin 2x", "2\\sin x\\cos x", True),
        ("\\sin 2x", "2\\sin x", False),
        ("\\sqrt{3+2\\sqrt{2}}", "1+\\sqrt{2}", True),
        ("\\sqrt{x^2}", "|x|", True),
        ("\\sqrt{x^2}", "x", False),
        ("\\ln 8", "3\\ln 2", True),
        ("e^{1000}+1", "e^{1000}", False),
        ("\\sqrt{10^{40}+1}", "10^{20}", False),
        ("\\sqrt{10^{40}+1}-10^{20}", "\\frac{1}{\\sqrt{10^{40}+1}+10^{20}}", True),
        ("\\sin(10^{-200})", "0", False),
        ("\\ln(1+10^{-100})", "0", False),
        ("\\cos\\frac{\\pi}{2}", "0", True),
        ("\\sin(\\pi)+10^{-60}", "0", False),
        ("e^{i\\pi}", "-1", True),
        ("(-1)^{2n}", "1", True),
        ("(-1)^{n}", "1", False),
        ("\\frac{n!}{(n-1)!}", "n", True),
        ("\\sum_{k=1}^{n} k", "\\frac{n(n+1)}{2}", True),
        ("\\lfloor x \\rfloor", "x", False),
        ("e^{e^{e^{e^{e}}}}", "5", None),
        ("\\tan(x)\\cdot 10^{10^9}", "1", False),
        ("\\frac{1}{0}", "\\frac{1}{0}", None),
        ("\\ln(-1-x^2)", "1", None),
    ],
)
def test_values(left: str, right: str, same: bool | None) -> None:
    assert same_value(tree(left), tree(right)) is same
    assert same_value(tree(right), tree(left)) is same


def test_near_misses_of_famous_formulas_are_told_apart() -> None:
    near = [
        ("e^{\\pi\\sqrt{163}}", "262537412640768744"),
        ("\\frac{\\ln(640320^3+744)}{\\sqrt{163}}", "\\pi"),
        ("e^{\\pi}-\\pi", "20"),
        ("\\sqrt{2}+\\sqrt{3}", "\\pi"),
        ("\\frac{355}{113}", "\\pi"),
    ]
    assert [same_scalar(parse(left), parse(right)).equal for left, right in near] == [False] * len(near)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("\\lim_{x\\to 0}\\frac{\\sin x}{x}", "1", True),
        ("\\lim_{x\\to 0}\\frac{\\sin x}{x}", "2", False),
        ("\\sum_{k=1}^{\\infty}\\frac{1}{k^2}", "\\frac{\\pi^2}{6}", True),
        ("\\int_0^1 x^2 dx", "\\frac{1}{3}", True),
        ("\\int_0^1 x^2 dx", "\\frac{1}{2}", False),
        ("\\sum_{k=1}^{10^9} k", "500000000500000000", True),
        ("\\int \\sqrt{\\tan x} dx", "x", None),
    ],
)
def test_computer_algebra(left: str, right: str, same: bool | None) -> None:
    assert same_symbolic(parse(left), parse(right)).equal is same


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("x>3", "(3,\\infty)"),
        ("2x+1\\le 7", "(-\\infty,3]"),
        ("|x-1|<2", "(-1,3)"),
        ("x<1\\text{ or }x>4", "(-\\infty,1)\\cup(4,\\infty)"),
        ("x>1\\text{ and }x<4", "(1,4)"),
        ("x\\ne 0", "\\mathbb{R}\\setminus\\{0\\}"),
        ("[0,1]\\cup[1,2]", "[0,2]"),
        ("(0,3)\\cap(2,4)", "(2,3)"),
        ("\\{x\\mid x>\\sqrt{2}\\}", "(\\sqrt{2},\\infty)"),
    ],
)
def test_regions(one: str, two: str) -> None:
    assert same_region(region_of(parse(one)), region_of(parse(two))).equal


@pytest.mark.parametrize("text", ["(3,1)", "x^2<4", "x+y<1", "\\mathbb{Z}", "(1,2,3)", "x"])
def test_what_has_no_region(text: str) -> None:
    with pytest.raises(NoRegion):
        region_of(parse(text))
