"""Fingerprints: the value of an expression at a random point modulo a random 61-bit prime.

Two expressions over the rationals, symbols, pi, e, i and roots of numbers are equal exactly when their difference is
zero in a field. A nonzero difference vanishes at a random point of a random prime with a chance of about degree/2^61
(Schwartz 1980, Zippel 1979). So `(x+1)^300` and `(x+1)^300 + 1` differ here, where every floating-point test fails, and
`9^(9^9)` takes one modular power. A function of an argument (`sin`, `x^y`, ...) is an atom named by the fingerprint of
the argument: equal fingerprints then still prove equality, but different ones prove nothing (`decisive` is False).

Left out: identities between functions, which the numeric tier decides.
"""

import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from hashlib import blake2b

from verifiers.math.nodes import Node, digest, walk
from verifiers.math.rational import MAX_STEPS, Inexact, Rational, index_values

POOL = 48
"""Primes to choose from; each square root needs one in which it exists, half of those that remain."""
MAX_FACTORIAL = 20_000
TRIAL = 1000
"""Trial division bound for the radicand of a root."""


class Unsupported(Exception):
    """No fingerprint under this prime, or none at all."""


class Fingerprint:
    """Evaluates trees modulo `prime`. Symbols and constants are drawn from `seed`; `roots` is the common degree."""

    def __init__(self, prime: int, seed: bytes, roots: int) -> None:
        self.prime = prime
        self.seed = seed
        self.roots = roots
        self.decisive = True
        self.steps = 0
        self.bound: dict[str, int] = {}

    def __call__(self, node: Node) -> int:
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise Unsupported("too many steps")
        rule = RULES.get(node.kind)
        return rule(self, node) % self.prime if rule else self.atom(node.kind, *node.args, name=node.name)

    def draw(self, *words: object) -> int:
        """A random residue that depends on the words and the seed alone."""
        digest = blake2b(repr(words).encode(), key=self.seed, digest_size=16).digest()
        return 2 + int.from_bytes(digest, "big") % (self.prime - 3)

    def atom(self, kind: str, *args: Node, name: str = "") -> int:
        """A value without relations to others, the same for equal arguments."""
        if kind not in ATOMS:
            raise Unsupported(kind)
        self.decisive = False
        return self.draw(kind, name, *[self(arg) for arg in args])

    def symbol(self, name: str) -> int:
        """Drawn as a power of the common degree, so that `sqrt(x)` is a power of the same draw (for x > 0)."""
        if name in self.bound:
            return self.bound[name]
        return pow(self.draw("sym", name), self.roots, self.prime)

    def inverse(self, value: int) -> int:
        if value == 0:
            raise Unsupported("division by zero")
        return pow(value, -1, self.prime)


def _number(self: Fingerprint, node: Node) -> int:
    value = node.value
    if value.denominator == 1:
        return value.numerator
    return value.numerator * self.inverse(value.denominator % self.prime)


def _constant(self: Fingerprint, node: Node) -> int:
    if node.name == "i":
        return square_root(self.prime - 1, self.prime)
    if node.name not in ("pi", "e"):
        raise Unsupported(node.name)
    return pow(self.draw("const", node.name), self.roots, self.prime)


def _factorial(self: Fingerprint, node: Node) -> int:
    argument = node.args[0]
    if argument.kind != "num" or argument.value.denominator != 1 or not 0 <= argument.value <= MAX_FACTORIAL:
        return self.atom(node.kind, argument)
    value = 1
    for factor in range(2, argument.value.numerator + 1):
        value = value * factor % self.prime
    return value


def _product(self: Fingerprint, node: Node) -> int:
    value = 1
    for factor in node.args:
        value = value * self(factor) % self.prime
    return value


def _power(self: Fingerprint, node: Node) -> int:
    base, exponent = node.args
    if exponent.kind == "num":
        count = exponent.value
        if count.denominator == 1:
            return integer_power(self, self(base), count.numerator)
        if base.kind == "num":
            return root(self, base.value, count)
        if base.kind in ("sym", "const") and base.name != "i" and self.roots % count.denominator == 0:
            draw = self.draw(base.kind, base.name)
            return integer_power(self, draw, int(count * self.roots))
        return self.atom("pow", base, exponent)
    if exponent.kind == "pow" and base.kind == "num":
        value = self(base)
        if value == 0:
            raise Unsupported("power of zero")
        return pow(value, integer_modulo(exponent, self.prime - 1), self.prime)
    return self.atom("pow", base, exponent)


def integer_power(self: Fingerprint, value: int, count: int) -> int:
    if value == 0 and count <= 0:
        raise Unsupported("power of zero")
    return pow(value, count % (self.prime - 1) if value else count, self.prime)


def integer_modulo(node: Node, modulus: int) -> int:
    """An integer too long to write down, modulo something: towers such as 9^(9^9)."""
    if node.kind == "num" and node.value.denominator == 1:
        return node.value.numerator % modulus
    if node.kind == "pow" and node.args[1].kind == "num":
        exponent = node.args[1].value
        if exponent.denominator == 1 and exponent > 0:
            return pow(integer_modulo(node.args[0], modulus), exponent.numerator, modulus)
    raise Unsupported("exponent")


def root(self: Fingerprint, base: Fraction, exponent: Fraction) -> int:
    """`base^exponent` as a product of roots of primes, so that sqrt(8) and 2*sqrt(2) agree."""
    sign = 1
    if base < 0:
        if exponent.denominator % 2:
            sign = -1 if exponent.numerator % 2 else 1
        elif exponent.denominator == 2:
            sign = pow(square_root(self.prime - 1, self.prime), exponent.numerator, self.prime)
        else:
            raise Unsupported("even root of a negative number")
    value = sign
    for prime, count in (*factors(abs(base.numerator)), *((p, -c) for p, c in factors(base.denominator))):
        whole = exponent * count * self.roots
        if whole.denominator != 1:
            raise Unsupported("degree of a root")
        generator = nth_root(prime, self.roots, self.prime)
        value = value * pow(generator, int(whole) % (self.prime - 1), self.prime) % self.prime
    return value


@lru_cache(maxsize=4096)
def factors(number: int) -> tuple[tuple[int, int], ...]:
    """Prime factors with their multiplicity. A large cofactor must be prime: an unsplit one would hide relations."""
    if number == 0:
        raise Unsupported("root of zero")
    found = []
    for candidate in (2, *range(3, TRIAL, 2)):
        count = 0
        while number % candidate == 0:
            number //= candidate
            count += 1
        if count:
            found.append((candidate, count))
        if candidate * candidate > number:
            break
    if number > 1:
        half = math.isqrt(number)
        if half * half == number and is_prime(half):
            found.append((half, 2))
        elif number < TRIAL * TRIAL or is_prime(number):
            found.append((number, 1))
        else:
            raise Unsupported("radicand does not factor")
    return tuple(found)


def is_prime(number: int) -> bool:
    """Miller-Rabin with the bases that are proven for every number below 3.3e24; above that it says no."""
    if number < 2 or number > 3 * 10**24:
        return False
    bases = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41)
    if any(number % base == 0 for base in bases):
        return number in bases
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in bases:
        value = pow(base, odd, number)
        if value in (1, number - 1):
            continue
        for _ in range(twos - 1):
            value = value * value % number
            if value == number - 1:
                break
        else:
            return False
    return True


def square_root(value: int, prime: int) -> int:
    """Shanks' algorithm where it is a table of eight rows: all primes of the pool are 9 modulo 16."""
    odd = (prime - 1) // 8
    square, guess = pow(value, odd, prime), pow(value, (odd + 1) // 2, prime)
    for unit in eighth_roots(prime):
        if square * unit * unit % prime == 1:
            return guess * unit % prime
    raise Unsupported("no square root under this prime")


@lru_cache(maxsize=POOL)
def eighth_roots(prime: int) -> tuple[int, ...]:
    """The solutions of x^8 = 1."""
    odd = (prime - 1) // 8
    base = next(base for base in range(2, 1000) if pow(base, 4 * odd, prime) == prime - 1)
    return tuple(pow(base, odd * count, prime) for count in range(8))


@lru_cache(maxsize=4096)
def nth_root(value: int, degree: int, prime: int) -> int:
    """A root of the degree; odd degrees have exactly one because no small odd prime divides `prime - 1`."""
    odd = degree
    while odd % 2 == 0:
        odd //= 2
    if math.gcd(odd, prime - 1) != 1:
        raise Unsupported("degree of a root")
    result = pow(value, pow(odd, -1, prime - 1), prime)
    while degree % 2 == 0:
        result, degree = square_root(result, prime), degree // 2
    return result


@lru_cache(maxsize=2)
def prime_pool(square_roots_only: bool) -> tuple[int, ...]:
    """Primes below 2^61 that are 9 modulo 16, so that i and sqrt(2) exist and square roots are simple.

    For square roots only they are 1 modulo the first odd primes, which by quadratic reciprocity makes all their roots
    exist. For other degrees no small odd prime divides `prime - 1`, which makes odd roots unique.
    """
    odd = 3 * 5 * 7 * 11 * 13
    modulus = odd * 17 * 19 if square_roots_only else 1
    pool: list[int] = []
    candidate = (1 << 61) // (16 * modulus) * 16 * modulus - 8 * modulus + 1
    while len(pool) < POOL:
        if (square_roots_only or math.gcd(candidate - 1, odd) == 1) and is_prime(candidate):
            pool.append(candidate)
        candidate -= 16 * modulus
    return tuple(pool)


def root_degree(*nodes: Node) -> int:
    """The least common multiple of the degrees of all roots in the trees."""
    degree = 1
    for node in nodes:
        for part in walk(node):
            if part.kind == "pow" and part.args[1].kind == "num":
                degree = math.lcm(degree, part.args[1].value.denominator)
    if degree > 64:
        raise Unsupported("degree of a root")
    return degree


def same_fingerprint(left: Node, right: Node) -> bool | None:
    """True: equal. False: different. None: this tier cannot tell. Deterministic: the seed is the text of both trees."""
    return same_fingerprints([left], [right])


def proportional(left: Node, right: Node) -> bool | None:
    """Is `left` a constant (nonzero) multiple of `right`, as functions of their symbols?"""
    points = _evaluate([left, right], 4, moving=True)
    if points is None:
        return None
    values, decisive = points
    if any(0 in pair for pair, _ in values):
        return False if decisive else None
    ratios: dict[int, set[int]] = {}
    for (top, bottom), prime in values:
        ratios.setdefault(prime, set()).add(top * pow(bottom, -1, prime) % prime)
    same = all(len(found) == 1 for found in ratios.values())
    return True if same else False if decisive else None


def same_fingerprints(left: list[Node], right: list[Node]) -> bool | None:
    points = _evaluate([*left, *right], 2, moving=False)
    if points is None:
        return None
    values, decisive = points
    if all(row[: len(left)] == row[len(left) :] for row, _ in values):
        return True
    return False if decisive else None


def _evaluate(nodes: list[Node], count: int, *, moving: bool) -> tuple[list[tuple[tuple[int, ...], int]], bool] | None:
    """Values of the trees at `count` points, each with its prime; `moving` takes two points of every prime."""
    key = digest(*nodes)
    try:
        degree = root_degree(*nodes)
    except Unsupported:
        return None
    pool = prime_pool(degree & (degree - 1) == 0)
    start, decisive = key[0] % len(pool), True
    rows: list[tuple[tuple[int, ...], int]] = []
    for offset in range(len(pool)):
        prime = pool[(start + offset) % len(pool)]
        try:
            for draw in range(2 if moving else 1):
                fingerprint = Fingerprint(prime, key[:-1] + bytes([draw]), degree)
                row = tuple(fingerprint(node) for node in nodes)
                decisive = decisive and fingerprint.decisive
                rows.append((row, prime))
        except Unsupported:
            rows = [row for row in rows if row[1] != prime]
            if degree == 1:
                return None
        except Inexact:
            return None
        if len(rows) >= count:
            return rows, decisive
    return None


def _repeated(start: int, join: Callable[[int, int], int]) -> Callable[[Fingerprint, Node], int]:
    def rule(self: Fingerprint, node: Node) -> int:
        outer, total = dict(self.bound), start
        for index in index_values(Rational({}), node):
            self.bound = {**outer, node.name: index}
            total = join(total, self(node.args[0])) % self.prime
        self.bound = outer
        return total

    return rule


ATOMS = {"func", "pow", "fact", "dfact", "binom"}
RULES: dict[str, Callable[[Fingerprint, Node], int]] = {
    "num": _number,
    "sym": lambda self, node: self.symbol(node.name),
    "const": _constant,
    "add": lambda self, node: sum(self(term) for term in node.args),
    "neg": lambda self, node: -self(node.args[0]),
    "mul": _product,
    "div": lambda self, node: self(node.args[0]) * self.inverse(self(node.args[1])),
    "pow": _power,
    "fact": _factorial,
    "sum": _repeated(0, lambda total, term: total + term),
    "prod": _repeated(1, lambda total, term: total * term),
}
