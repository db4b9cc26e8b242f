"""A second opinion that rewards nothing: a stricter verifier judges a share of the rewarded responses as well.

What the policy learns to get past the verifier that pays, it did not learn for the other one. So when the gap between
the two grows while a run goes on, a way around the first has been found; `rlvr/view/alarms.py` says so. Leaves out:
what it judges does not enter the journal (`rlvr rescore` judges a whole run again, response by response).
"""

import hashlib
from collections.abc import Mapping, Sequence
from statistics import fmean

from rlvr.config import Grading
from rlvr.errors import UserError
from rlvr.partners import Grader
from verifiers import Grader as Local
from verifiers import Item, Task, Verdict, VerifierError


class HeldOut:
    """The grader protocol, in front of the grader that pays. `second` judges the share once more.

    Parameters belong to the verifier that they were written for, so that the other one gets none.
    """

    def __init__(self, grader: Grader, second: Grader, grading: Grading) -> None:
        self.grader, self.second = grader, second
        self.strict, self.share = grading.strict, grading.strict_share
        self._gaps: list[float] = []

    async def grade_many(self, items: Sequence[Item]) -> list[Verdict]:
        """The verdicts of the grader that pays, in the items' order."""
        verdicts = await self.grader.grade_many(items)
        paid = [(i, v.score) for i, v in zip(items, verdicts, strict=True) if v.score is not None and self._taken(i)]
        if paid:
            again = [item._replace(verifier=self.strict[item.verifier], params=None) for item, _ in paid]
            for (_, score), verdict in zip(paid, await self.second.grade_many(again), strict=True):
                if verdict.score is not None:
                    self._gaps.append(score - verdict.score)
        return verdicts

    def _taken(self, item: Item) -> bool:
        """By the response's id alone, so that a resumed run takes the same ones."""
        draw = int.from_bytes(hashlib.blake2b(item.id.encode(), digest_size=4).digest()) / 2**32
        return item.verifier in self.strict and draw < self.share

    def metrics(self) -> dict[str, float]:
        """Mean score less that of the stricter verifier, since it was last asked; nothing when none was judged."""
        gaps, self._gaps = self._gaps, []
        return {"strict_gap": fmean(gaps)} if gaps else {}


def check(strict: Mapping[str, str], tasks: Sequence[Task]) -> None:
    """Raises UserError for a verifier that is unknown, or that cannot read what the tasks refer to."""
    grader = Local()
    known = {task.verifier for task in tasks}
    for name in strict:
        if name not in known:
            raise UserError(
                f"grading.strict: no task is judged by {name!r}; expected one of {', '.join(sorted(known))}"
            )
    for task in tasks:
        if task.verifier in strict:
            try:
                grader.check(strict[task.verifier], task.reference)
            except (LookupError, ValueError, VerifierError) as error:
                raise UserError(f"grading.strict.{task.verifier}: task {task.id}: {error.args[0]}") from None
