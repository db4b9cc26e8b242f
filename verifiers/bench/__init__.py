"""How good is a verifier? Labelled cases in, a report out: accuracy, speed, and whether it can be cheated.

Verdicts come from a Grader, as everywhere else; times from a process of their own (`clocked`), where imports and caches
of the verdicts do not count. Other graders run over the same cases in theirs (`peers`). Nothing here passes a verifier:
the figures are for a person, or for a test with a bar of its own.
"""

import asyncio
from collections.abc import Sequence

from verifiers.base import Verdict
from verifiers.bench.cases import Case, from_examples, read_cases
from verifiers.bench.clocked import clock
from verifiers.bench.peers import Peer, installed, rate
from verifiers.bench.probes import Probe, probes_for
from verifiers.bench.report import Paid, Report, Speed, Tally, Wrong
from verifiers.call import Item, is_async
from verifiers.catalogue import load
from verifiers.grader import Grader

__all__ = ["Case", "Peer", "Probe", "Report", "bench", "from_examples", "installed", "read_cases"]


def bench(name: str, cases: Sequence[Case], probes: bool = True, peers: Sequence[Peer] = ()) -> Report:
    """Measure the verifier of that name on the cases, which must not be empty.

    Raises LookupError for an unknown name, ValueError for a case that the verifier cannot read.
    """
    verifier = load(name)
    with Grader(cache_size=0) as grader:
        for case in cases:
            grader.check(name, case.reference, case.params)
        verdicts = asyncio.run(grader.grade_many([_item(name, case) for case in cases]))
        tried = probes_for(name, verifier, cases) if probes else []
        answers = asyncio.run(grader.grade_many([Item("", name, *probe[1:]) for probe in tried]))
    waits = is_async(verifier) or getattr(verifier, "isolation", "inline") == "sandbox"
    replies = None if waits else clock(name, cases)
    speed = Speed.of_wall([v.elapsed_ms for v in verdicts]) if replies is None else Speed.of_cpu(replies, cases)
    return Report(
        verifier=name,
        version=str(verifier.version),
        total=Tally.of(cases, verdicts),
        categories=by_category(cases, verdicts),
        wrong=[
            Wrong.of(case, verdict) for case, verdict in zip(cases, verdicts, strict=True) if differs(case, verdict)
        ],
        speed=speed,
        probes=len(tried),
        paid=[Paid.of(p, v) for p, v in zip(tried, answers, strict=True) if v.score != 0.0],
        peers={peer.label: rate(peer, cases) for peer in peers},
    )


def _item(name: str, case: Case) -> Item:
    return Item(case.id, name, case.response, case.reference, case.params)


def differs(case: Case, verdict: Verdict) -> bool:
    return verdict.score is None or abs(verdict.score - case.score) > 1e-9


def by_category(cases: Sequence[Case], verdicts: Sequence[Verdict]) -> dict[str, Tally]:
    found = {}
    for category in sorted({case.category for case in cases}):
        rows = [(c, v) for c, v in zip(cases, verdicts, strict=True) if c.category == category]
        found[category] = Tally.of([case for case, _ in rows], [verdict for _, verdict in rows])
    return found
