"""Decimals that go on for ever, as the rational numbers that they are."""

import re
from fractions import Fraction

from verifiers.math.nodes import Unreadable

MAX_PERIOD = 200


def repeating(head: str, block: str) -> Fraction:
    """0.1 and 6 are 0.1666..."""
    if not block.isdigit() or len(block) > MAX_PERIOD:
        raise Unreadable("repeating digits expected")
    places = len(head.partition(".")[2])
    return Fraction(head + "0" if head.endswith(".") else head) + Fraction(
        int(block), (10 ** len(block) - 1) * 10**places
    )


def continued(literal: str) -> Fraction:
    """`0.3636...`: a block that is written out at least twice, three times if it is one digit, goes on for ever."""
    match = re.fullmatch(r"(\d*\.\d*?)(?:(\d)\2\2+|(\d{2,}?)\3+)", literal)
    if match is None:
        raise Unreadable("digits without a visible period")
    return repeating(match[1], match[2] or match[3])
