"""What a recipe does to records, in three kinds of stages. All are pure.

What they draw at random, they draw from the stream that they are given. Functions of `Each` run on Ray workers too, and
are best top-level ones or `functools.partial` of such.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random

from rlvr.data.record import Record
from rlvr.data.request import Reply, Request


@dataclass(frozen=True)
class Each:
    """One record in; none, one or several out: filters, parsers, templates. Every record has its own random stream."""

    name: str
    apply: Callable[[Record, Random], Iterable[Record]]


@dataclass(frozen=True)
class Ask:
    """One record in, requests to a teacher, and records out of the replies, which come in the order of the requests."""

    name: str
    render: Callable[[Record, Random], Sequence[Request]]
    parse: Callable[[Record, Sequence[Reply], Random], Iterable[Record]]
    teacher: str = "teacher"
    """Which of the recipe's teachers."""


@dataclass(frozen=True)
class Barrier:
    """All records that are left, at once: sources (from none), selection, deduplication, mixing."""

    name: str
    apply: Callable[[Sequence[Record], Random], Iterable[Record]]


Stage = Each | Ask | Barrier


def gathered(name: str) -> Barrier:
    """All records, once all are there. Between two of these slow checks hold up no conversation with a teacher, and run
    on the cluster's workers."""
    return Barrier(name, lambda records, random: records)
