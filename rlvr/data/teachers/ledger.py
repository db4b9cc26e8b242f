"""Money, tokens and requests: what was spent, what is set aside for attempts under way, and what may still go out.

All sums are exact (decimal). The worst case of an attempt: every byte of its text is a token, and the answer is as long
as it may be.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rlvr.data.log import Entry
from rlvr.data.request import Request, Usage
from rlvr.data.teachers.config import Budget, Price

MILLION = Decimal(10**6)
PER_MESSAGE = 16
"""Tokens that a chat template may add to each message."""
PER_CONVERSATION = 64
"""And to the whole: some templates put a system message of their own in front."""


@dataclass(frozen=True, slots=True)
class Cost:
    """An amount spent or set aside. `requests` counts attempts."""

    dollars: Decimal = Decimal(0)
    tokens: int = 0
    requests: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.dollars + other.dollars, self.tokens + other.tokens, self.requests + other.requests)

    def __sub__(self, other: "Cost") -> "Cost":
        return Cost(self.dollars - other.dollars, self.tokens - other.tokens, self.requests - other.requests)

    def row(self) -> dict[str, Any]:
        return {"dollars": str(self.dollars), "tokens": self.tokens}

    @classmethod
    def of(cls, row: dict[str, Any]) -> "Cost":
        """One attempt's cost, as `row` wrote it."""
        return cls(Decimal(row["dollars"]), row["tokens"], 1)


def cost(usage: Usage, price: Price) -> Cost:
    """Of one attempt that used so much."""
    cached = Decimal(str(price.input if price.cached is None else price.cached))
    fresh = usage.input_tokens - usage.cached_tokens
    spent = fresh * Decimal(str(price.input)) + usage.cached_tokens * cached
    spent += usage.output_tokens * Decimal(str(price.output))
    return Cost(spent / MILLION, usage.input_tokens + usage.output_tokens, 1)


def worst_usage(request: Request) -> Usage:
    """What an attempt can use at most: a token is at least one byte."""
    if request.messages is None:
        # It may be sent as a user's message.
        read = len((request.prompt or "").encode(errors="replace")) + PER_MESSAGE + PER_CONVERSATION
    else:
        text = sum(len(message["content"].encode(errors="replace")) for message in request.messages)
        read = text + PER_MESSAGE * len(request.messages) + PER_CONVERSATION
    return Usage(read, request.sampling.max_tokens, estimated=True)


class BudgetSpent(Exception):
    """The next attempt could pass a limit, and nothing under way can make room for it."""


class Ledger:
    """Holds a run to its budget."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.spent, self.reserved = Cost(), Cost()
        self._freed = asyncio.Condition()

    async def reserve(self, most: Cost) -> None:
        """Set aside what an attempt may cost; waits while others under way may turn out cheaper. Raises BudgetSpent."""
        async with self._freed:
            while over := self._over(self.spent + self.reserved + most):
                if not self.reserved.requests or self._over(self.spent + most):
                    raise BudgetSpent(over)
                await self._freed.wait()
            self.reserved += most

    async def settle(self, most: Cost, actual: Cost) -> None:
        """An attempt is over: it cost `actual`, of the `most` that was set aside."""
        async with self._freed:
            self.reserved -= most
            self.spent += actual
            self._freed.notify_all()

    def recall(self, entries: Iterable[Entry]) -> None:
        """Count what earlier parts of the run spent. What was under way at a kill counts in full."""
        self.spent += spent(entries)

    def _over(self, sum: Cost) -> str:
        """Which limit such a sum passes; empty when none."""
        budget = self.budget
        if budget.dollars is not None and sum.dollars > Decimal(str(budget.dollars)):
            return f"the budget of {budget.dollars:g} dollars is spent; raise budget.dollars"
        if budget.tokens is not None and sum.tokens > budget.tokens:
            return f"the budget of {budget.tokens:,} tokens is spent; raise budget.tokens"
        if budget.requests is not None and sum.requests > budget.requests:
            return f"the budget of {budget.requests:,} requests is spent; raise budget.requests"
        return ""


def spent(entries: Iterable[Entry]) -> Cost:
    """What all attempts in the log cost; those without an end at their most."""
    total, under_way = Cost(), dict[str, Cost]()
    for entry in entries:
        if entry.kind == "sent":
            total += under_way.pop(entry.key, Cost())  # its end was never written: a kill came between
            under_way[entry.key] = Cost.of(entry.row["reserved"])
        else:
            under_way.pop(entry.key, None)
            total += Cost.of(entry.row["spent"])
    return sum(under_way.values(), total)
