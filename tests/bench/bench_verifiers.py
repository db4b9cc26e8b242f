"""Verdicts a second of each family of the demo: right and slipped answers, no cache, one caller."""

import asyncio
from itertools import islice

from measure import rate, report
from rlvr.tasks.procedural import FAMILIES, problems
from verifiers import Grader, Item

BATCH = 200


def items(family: str) -> list[Item]:
    found = []
    for problem in islice(problems(0, "train", family), BATCH // 2):
        for answer in (problem.right, problem.slipped):
            found.append(Item(str(len(found)), problem.family, answer, problem.reference))
    return found


def main() -> None:
    figures = {}
    with Grader(cache_size=0) as grader:
        for family in FAMILIES:
            batch = items(family)

            def judge(batch: list[Item] = batch) -> int:
                verdicts = asyncio.run(grader.grade_many(batch))
                errors = [verdict for verdict in verdicts if verdict.status == "error"]
                if errors:
                    raise SystemExit(f"{len(errors)} of {len(verdicts)} verdicts are errors, first: {errors[0]}")
                return len(verdicts)

            figures[f"{family}, verdicts/s"] = rate(judge)
    report("verifiers", figures)


if __name__ == "__main__":
    main()
