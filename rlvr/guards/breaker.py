"""A circuit breaker before the graders: when the verifiers fail, the run pauses instead of training on the rest.

An `error` verdict is masked, never a reward of 0, and a few of them cost little. When more than `max_error_share` of a
step's verdicts are errors, it is the verifiers that are broken: the circuit opens, no verdict goes through, and what
failed is judged again, ever less often, until it succeeds or the patience is at an end. As groups then stop arriving,
sampling pauses by itself. Leaves out: what is wrong with a single item, which stays an error.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from typing import NoReturn

from rlvr.config import Grading
from rlvr.errors import RunStopped
from rlvr.partners import Grader
from verifiers import Item, Verdict

log = logging.getLogger(__name__)

LONGEST_RETRY_S = 30.0


class Breaker:
    """The grader protocol, in front of another grader.

    `window`: how many verdicts a step asks for. `first_retry_s`: how soon what failed is first judged again.
    """

    def __init__(self, grader: Grader, grading: Grading, window: int, first_retry_s: float = 0.5) -> None:
        self.grader, self.grading, self.first_retry_s = grader, grading, first_retry_s
        self.recent: deque[bool] = deque(maxlen=window)
        """Of the last verdicts, which were errors."""
        self.allowed = grading.max_error_share * window
        self.pauses = 0
        self.paused_s = 0.0
        self._turn = asyncio.Lock()

    async def grade_many(self, items: Sequence[Item]) -> list[Verdict]:
        """Verdicts in the items' order. Raises RunStopped when the verifiers do not recover."""
        verdicts = await self.grader.grade_many(items)
        async with self._turn:  # while somebody waits for the verifiers to recover, so does everybody
            self.recent.extend(verdict.status == "error" for verdict in verdicts)
            if sum(self.recent) > self.allowed and any(verdict.status == "error" for verdict in verdicts):
                verdicts = await self._recovered(items, verdicts)
                self.recent.clear()
        return verdicts

    async def _recovered(self, items: Sequence[Item], verdicts: list[Verdict]) -> list[Verdict]:
        """Judge what failed again until no larger share of it fails than is allowed, or the same few items alone."""
        self.pauses += 1
        log.warning("paused: %d of the last %d verdicts are errors", sum(self.recent), len(self.recent))
        start, wait = time.monotonic(), self.first_retry_s
        failed = first = [i for i, verdict in enumerate(verdicts) if verdict.status == "error"]
        while len(failed) > self.grading.max_error_share * len(first):
            left = self.grading.patience_s - (time.monotonic() - start)
            if left <= 0:
                self._give_up(verdicts[failed[0]])
            await asyncio.sleep(min(wait, left))
            wait = min(2 * wait, LONGEST_RETRY_S)
            before = len(failed)
            for i, verdict in zip(failed, await self.grader.grade_many([items[i] for i in failed]), strict=True):
                verdicts[i] = verdict
            failed = [i for i in failed if verdicts[i].status == "error"]
            few = len(failed) <= max(1, self.allowed) and 2 * len(failed) <= len(first)
            if few and before == len(failed):
                break  # the others have recovered: it is these items themselves
        self.paused_s += time.monotonic() - start
        log.warning("resumed after %.1f s: the verifiers answer again", time.monotonic() - start)
        return verdicts

    def _give_up(self, verdict: Verdict) -> NoReturn:
        raise RunStopped(
            f"{sum(self.recent)} of the last {len(self.recent)} verdicts are errors (grading.max_error_share = "
            f"{self.grading.max_error_share}) and the verifiers did not recover within {self.grading.patience_s:g} s "
            f"(grading.patience_s), last: {verdict.verifier}: {verdict.reason}; mend the verifier and go on with "
            "--resume"
        )

    def metrics(self) -> dict[str, float]:
        """So far in this process."""
        return {"pauses": float(self.pauses), "paused_s": self.paused_s}
