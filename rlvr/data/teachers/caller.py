"""Puts requests to teachers: from the log if it was ever answered, else within pace and budget, as often as it takes.

This is the only place where a paid call is made, so that one look shows that none is made twice or beyond the budget.
"""

import asyncio
import random
from collections.abc import Mapping

from rlvr.data.log import ResponseLog
from rlvr.data.record import Call
from rlvr.data.request import Reply, Request, Usage
from rlvr.data.run import Unanswered
from rlvr.data.teachers.base import Again, Teacher
from rlvr.data.teachers.config import Answering
from rlvr.data.teachers.ledger import BudgetSpent, Cost, Ledger, cost, worst_usage
from rlvr.data.teachers.pace import Pace
from rlvr.errors import UserError

LONGEST_BACKOFF_S = 60.0
CONVINCED = 3
"""An answer cut short so often, or at the last attempt, is taken as it is: then the context was full."""
NOTHING = Cost(requests=1)
"""An attempt that the teacher did not take up."""


class Line:
    """One teacher, its settings, and the pace at which it is asked."""

    def __init__(self, name: str, config: Answering, teacher: Teacher) -> None:
        self.name, self.config, self.teacher = name, config, teacher
        self.pace = Pace(config.limits)
        self.answers = 0
        self.trouble: str | None = None
        """Why the last attempt failed; None once there was an answer since."""
        self.closed: str | None = None
        """Why no more is asked in this run."""

    def close(self, reason: str) -> None:
        """Ask no more: whoever waits for a turn need not wait on."""
        self.closed = reason
        self.pace.hurry()


class Caller:
    """Satisfies `rlvr.data.run.Asker`. Requests that are alike in everything are asked once."""

    def __init__(self, lines: Mapping[str, Line], log: ResponseLog, ledger: Ledger) -> None:
        self.lines, self.log, self.ledger = lines, log, ledger
        self._under_way: dict[str, asyncio.Future[Reply]] = {}
        # Only for when to try again; what the records hold does not depend on it.
        self._jitter = random.Random()

    async def ask(self, teacher: str, request: Request) -> tuple[Reply, Call]:
        """The answer, and the call as a record names it. Raises Unanswered, or UserError from the teacher."""
        line = self.lines[teacher]
        key = request.key(teacher, line.config.model)
        reply = self.log.replies.get(key)
        if reply is None or reply.refused:  # a refusal cost nothing, and the set-up may have been put right since
            reply = await self._shared(line, key, request)
        model = reply.model or line.config.model
        return reply, Call(key, teacher, model, request.sampling.sent(), reply.finish_reason, reply.usage)

    async def _shared(self, line: Line, key: str, request: Request) -> Reply:
        """One call for all who ask the same at the same time."""
        if key not in self._under_way:
            call = asyncio.ensure_future(self._insist(line, key, request))
            self._under_way[key] = call
            call.add_done_callback(lambda _: self._under_way.pop(key))
        return await self._under_way[key]

    async def _insist(self, line: Line, key: str, request: Request) -> Reply:
        limits, reason, cuts, before = line.config.limits, "", 0, line.answers
        for attempt in range(limits.attempts):
            if line.closed:
                raise Unanswered(line.closed)
            try:
                reply, spent = await self._attempt(line, key, request)
            except Again as error:
                reason = error.reason
                if error.after_s is not None and error.after_s > limits.longest_wait_s:
                    line.close(f"{line.name}: {reason}, and asks to wait for {error.after_s:.0f} s")
                elif attempt + 1 < limits.attempts:
                    await asyncio.sleep(self._wait(limits.backoff_s, attempt, error))
                continue
            cuts += (cut := _cut_short(request, reply))
            if not cut or cuts == CONVINCED or attempt + 1 == limits.attempts:
                await self.log.replied(key, line.name, request.body(), reply, spent.row())
                return reply
            reason = "the answer was cut short"
            self.log.failed(key, line.name, reason, spent.row())
        given_up = f"{line.name}: {reason}, {limits.attempts} times"
        if line.answers == before:  # nor did anybody else have an answer in all that time
            line.close(given_up)
        raise Unanswered(given_up)

    def _wait(self, backoff_s: float, attempt: int, error: Again) -> float:
        if error.after_s is not None:
            return error.after_s
        return min(LONGEST_BACKOFF_S, backoff_s * 2.0**attempt) * self._jitter.uniform(0.5, 1.0)

    async def _attempt(self, line: Line, key: str, request: Request) -> tuple[Reply, Cost]:
        """Set aside, send, settle. A failed attempt is in the log; a reply is for the caller to log. Raises Again."""
        worst = worst_usage(request)
        most = cost(worst, line.config.price)
        actual = most  # what ends the attempt without a word may have cost it all
        began = await line.pace.enter(expected := _expected(worst))
        try:
            await self._reserve(line, most)
            self.log.sent(key, line.name, most.row())
            try:
                reply = await self._answer(line, key, request)
                actual = cost(reply.usage, line.config.price)
                line.answers += 1
                line.trouble = None
                line.pace.good()
                return reply, actual
            except Again as failure:
                actual = most if failure.lost else NOTHING
                line.trouble = failure.reason
                self.log.failed(key, line.name, failure.reason, actual.row())
                _slow_down(line, failure, began)
                raise
            except UserError as error:
                actual = NOTHING
                self.log.failed(key, line.name, str(error), actual.row())
                raise
            finally:
                await self.ledger.settle(most, actual)
        finally:
            line.pace.leave(expected, expected if actual is most else actual.tokens)

    async def _reserve(self, line: Line, most: Cost) -> None:
        if line.closed:
            raise Unanswered(line.closed)
        try:
            await self.ledger.reserve(most)
        except BudgetSpent as error:
            line.close(str(error))
            raise Unanswered(str(error)) from None

    async def _answer(self, line: Line, key: str, request: Request) -> Reply:
        limit = line.config.limits.timeout_s
        try:
            async with asyncio.timeout(limit):
                return await line.teacher.ask(request, seed=int(key[:8], 16) >> 1)
        except TimeoutError:
            raise Again(f"no answer within {limit:g} s", busy=True, lost=True) from None


def _slow_down(line: Line, failure: Again, began: float) -> None:
    if failure.busy:
        line.pace.busy(began)
    if failure.after_s is not None:
        line.pace.pause(min(failure.after_s, line.config.limits.longest_wait_s))


def _expected(worst: Usage) -> int:
    """Tokens for the rate limit: four bytes of input to a token, and the longest answer."""
    return worst.input_tokens // 4 + worst.output_tokens


def _cut_short(request: Request, reply: Reply) -> bool:
    """Said to be as long as allowed, and is not: perhaps something on the way has cut it."""
    short = reply.usage.output_tokens < request.sampling.max_tokens
    return reply.finish_reason == "length" and short and not reply.usage.estimated
