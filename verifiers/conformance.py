"""Does a verifier keep the contract? The same checks for built-ins and plug-ins, each with a plain finding.

They start from examples: responses whose score is known. What is checked is behaviour that every caller relies on;
whether the verdicts are right is the business of `bench`.
"""

import asyncio
import json
import pickle
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

from verifiers.base import Isolation, NoParams, Verdict
from verifiers.call import Item, one_line
from verifiers.catalogue import load
from verifiers.examples import EXAMPLES, Example
from verifiers.grader import Grader

DEADLINE_S = 10.0
"""For one response of a megabyte. Tests of programs have limits of their own."""
SLOW_MS = 1000.0
"""Median time of an example above which the check of speed fails."""
MEGABYTE = 1 << 20

UNICODE = [
    "\x00",
    "\ufeff",
    "\u202e5",
    "e\u0301",
    "٣",
    "½",
    "ﬁ",
    "👩‍👩‍👧‍👦",
    "\u2028\u2029\x85",
    "\udcff",
    "\U0010ffff",
    "Z̸̢͘a̵l̶g̸o̷" * 50,
]
LONG = [
    "a" * MEGABYTE,
    "\n" * MEGABYTE,
    "9" * MEGABYTE,
    "( " * (MEGABYTE // 2),
    "\\boxed{" * (MEGABYTE // 7),
    "<think>" * (MEGABYTE // 7),
    "```python\n" * (MEGABYTE // 10),
    '{"a":' * (MEGABYTE // 5),
    "the answer is " * (MEGABYTE // 14),
]
WRONG_REFERENCES: list[Any] = [{"no such key": 1}, [[]], {"answer": {"answer": []}}, b"\xff", object()]


class Finding(BaseModel):
    """What one check found."""

    check: str
    passed: bool
    detail: str
    seconds: float


class Report(BaseModel):
    """All findings on one verifier."""

    verifier: str
    version: str
    findings: list[Finding]

    @property
    def passed(self) -> bool:
        return all(finding.passed for finding in self.findings)


class Broken(Exception):
    """A check failed; the message says how."""


def check(name: str, examples: Sequence[Example | tuple[Any, ...]] | None = None) -> Report:
    """Run all checks on the verifier of that name, in the grader as everywhere else.

    `examples` go before the verifier's own. Raises LookupError for an unknown name, VerifierError for a verifier that
    cannot be loaded.
    """
    verifier = load(name)
    known = examples or getattr(verifier, "examples", None) or EXAMPLES.get(name, [])
    with Grader(workers=2, deadline_s=DEADLINE_S, cache_size=0) as grader:
        subject = Subject(name, verifier, [Example(*example) for example in known], grader)
        return Report(verifier=name, version=str(verifier.version), findings=[run(step, subject) for step in CHECKS])


class Subject:
    """The verifier under check, its examples, and the grader that judges."""

    def __init__(self, name: str, verifier: Any, examples: list[Example], grader: Grader) -> None:
        self.name, self.verifier, self.examples, self.grader = name, verifier, examples, grader

    def judge(self, example: Example) -> Verdict:
        return self.grader.grade_sync(self.item(example))

    def item(self, example: Example) -> Item:
        return Item("", self.name, example.response, example.reference, example.params)

    def probe(self, responses: Sequence[str]) -> Iterator[tuple[str, Verdict]]:
        """The verdict on each response, with the reference of the first example."""
        for response in responses:
            yield response, self.judge(self.examples[0]._replace(response=response))


def run(step: Callable[[Subject], str], subject: Subject) -> Finding:
    start = time.perf_counter()
    try:
        passed, detail = True, step(subject)
    except Broken as broken:
        passed, detail = False, str(broken)
    except Exception as error:  # a verifier is foreign code: whatever it raises is a finding
        passed, detail = False, one_line(error)
    name = step.__name__.strip("_").replace("_", " ")
    return Finding(check=name, passed=passed, detail=detail, seconds=round(time.perf_counter() - start, 3))


def contract(subject: Subject) -> str:
    """Name, version, schemas and isolation are what the registry and the service show."""
    verifier = subject.verifier
    isolation = getattr(verifier, "isolation", "inline")
    require(verifier.name == subject.name, f"it is registered as {subject.name!r} but calls itself {verifier.name!r}")
    require(
        isinstance(verifier.version, str) and verifier.version != "",
        f"version must be a text, got {verifier.version!r}",
    )
    require(isolation in get_args(Isolation), f"isolation must be one of {get_args(Isolation)}, got {isolation!r}")
    for model in (verifier.Reference, getattr(verifier, "Params", None) or NoParams):
        require(isinstance(model, type) and issubclass(model, BaseModel), f"{model!r} is no pydantic model")
        json.dumps(model.model_json_schema())
    (getattr(verifier, "Params", None) or NoParams)()
    return f"version {verifier.version}, runs {isolation}"


def examples(subject: Subject) -> str:
    """Right answers score what they should. Without examples nothing else can be shown."""
    require(
        bool(subject.examples),
        "no examples: give the verifier an attribute `examples` = [(response, reference, score), ...]",
    )
    for example in subject.examples:
        verdict = subject.judge(example)
        require(
            verdict.score is not None and abs(verdict.score - example.score) < 1e-9,
            f"{example.response[:60]!r} should score {example.score}, got {describe(verdict)}",
        )
    scores = {example.score for example in subject.examples}
    require(1.0 in scores and 0.0 in scores, "the examples need a right answer (score 1.0) and a wrong one (0.0)")
    return f"{len(subject.examples)} as expected"


def determinism(subject: Subject) -> str:
    """The same verdict again, in any order."""
    first = [same(subject.judge(example)) for example in subject.examples]
    for _ in range(2):
        again = [same(subject.judge(example)) for example in reversed(subject.examples)][::-1]
        for example, one, two in zip(subject.examples, first, again, strict=True):
            require(one == two, f"{example.response[:60]!r} was judged {one}, then {two}")
    return "3 rounds alike"


def empty_response(subject: Subject) -> str:
    """Saying nothing is never right."""
    for response, verdict in subject.probe(["", " ", "\n\n\t"]):
        settled(response, verdict)
        require(verdict.score == 0.0, f"{response!r} got {describe(verdict)}")
    return "scores 0"


def unicode(subject: Subject) -> str:
    """Odd characters, alone and after a right answer, are judged and not stumbled over."""
    right = subject.examples[0].response
    for response, verdict in subject.probe([*UNICODE, *(right + odd for odd in UNICODE)]):
        settled(response, verdict)
    return f"{2 * len(UNICODE)} responses judged"


def one_megabyte(subject: Subject) -> str:
    """Long and hostile responses are judged within the deadline."""
    slowest = 0.0
    for response, verdict in subject.probe(LONG):
        settled(response[:20] + "...", verdict)
        slowest = max(slowest, verdict.elapsed_ms)
        require(verdict.elapsed_ms < DEADLINE_S * 1e3, f"{response[:20]!r}... took {verdict.elapsed_ms:.0f} ms")
    return f"slowest {slowest:.0f} ms"


def wrong_reference(subject: Subject) -> str:
    """A reference of the wrong shape is refused as such, and not found out in the middle of a training run."""
    refused = 0
    for reference in WRONG_REFERENCES:
        try:
            subject.verifier.Reference.model_validate(reference)
        except ValidationError:
            refused += 1
    require(refused > 0, f"Reference takes anything, even {WRONG_REFERENCES[0]!r}")
    return f"{refused} of {len(WRONG_REFERENCES)} refused"


def reference_unchanged(subject: Subject) -> str:
    """Judging does not write into the task."""
    for example in subject.examples:
        before = pickle.dumps(example.reference)
        subject.judge(example)
        require(pickle.dumps(example.reference) == before, f"the reference of {example.response[:60]!r} was changed")
    return "references as before"


def threads(subject: Subject) -> str:
    """The same verdict from threads and from an event loop."""
    expected = [same(subject.judge(example)) for example in subject.examples]
    with ThreadPoolExecutor(4) as pool:
        rounds = list(pool.map(lambda _: [same(subject.judge(example)) for example in subject.examples], range(4)))
    together = asyncio.run(subject.grader.grade_many([subject.item(example) for example in subject.examples]))
    for found in [*rounds, [same(verdict) for verdict in together]]:
        require(found == expected, f"expected {expected}, got {found}")
    return "4 threads and an event loop alike"


def pickling(subject: Subject) -> str:
    """Verifier, reference and verdict travel between processes."""
    copy = pickle.loads(pickle.dumps(subject.verifier))
    require(copy.name == subject.name, f"the copy calls itself {copy.name!r}")
    for example in subject.examples:
        verdict = subject.judge(example)
        reference = subject.verifier.Reference.model_validate(example.reference)
        require(pickle.loads(pickle.dumps((reference, verdict))) == (reference, verdict), "a copy differs")
        require(TypeAdapter(Verdict).validate_json(verdict.model_dump_json()) == verdict, "the verdict changes as JSON")
    return "verifier, references and verdicts"


def speed(subject: Subject) -> str:
    """The time of an ordinary response."""
    times = [subject.judge(example).elapsed_ms for example in subject.examples for _ in range(5)]
    median = statistics.median(times)
    require(median <= SLOW_MS, f"median {median:.0f} ms an example; at most {SLOW_MS:.0f} ms are expected")
    return f"median {median:.2f} ms, slowest {max(times):.2f} ms"


CHECKS: list[Callable[[Subject], str]] = [
    contract,
    examples,
    determinism,
    empty_response,
    unicode,
    one_megabyte,
    wrong_reference,
    reference_unchanged,
    threads,
    pickling,
    speed,
]


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Broken(otherwise)


def settled(response: str, verdict: Verdict) -> None:
    """A verdict of any kind but `error`: whatever a model writes, it is not the verifier's failure."""
    require(verdict.status != "error", f"{response[:60]!r} got {describe(verdict)}")
    require(verdict.score is not None and 0.0 <= verdict.score <= 1.0, f"{response[:60]!r} got {describe(verdict)}")


def describe(verdict: Verdict) -> str:
    more = f" {verdict.details['message']}" if "message" in verdict.details else ""
    return f"{verdict.status}, score {verdict.score}: {verdict.reason}{more}"[:300]


def same(verdict: Verdict) -> tuple[Any, ...]:
    """What must not change from one time to the next."""
    return verdict.status, verdict.score, verdict.reason, verdict.extracted
