"""Orca: system messages that ask for explanations, put before instructions, and two teachers in order of strength.

Mukherjee et al., 2023 (arXiv 2306.02707): 150k, 440k, 2.5M and 2M queries of FLAN v2's sub-collections, at most 300 a
task in NIv2; sixteen system messages; the small teacher answers all, the large one a random fifth; the student learns
from the small one's answers first. The paper filters nothing; with `verify`, answers that our verifiers refute are
rejected. System messages are our own wording. Training is `rlvr sft` on `stage1.jsonl`, then on `stage2.jsonl`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from random import Random
from typing import Any, ClassVar

from pydantic import Field, PositiveInt

from rlvr.config import Location, Section, Share
from rlvr.data.canonical import digest
from rlvr.data.orca_systems import SYSTEMS, USED
from rlvr.data.prompts import turns
from rlvr.data.recipe import DataConfig, Done, Load, Recipe
from rlvr.data.record import Record
from rlvr.data.request import Reply, Request, Sampling
from rlvr.data.stage import Ask, Barrier, Each, Stage, gathered
from rlvr.data.teachers.config import Answering, AnyTeacher, Budget
from rlvr.errors import UserError
from rlvr.tasks.rows import from_file, short
from verifiers import Grader, VerifierError, verify

PUBLISHED = {"cot": 150_000, "niv2": 440_000, "flan2021": 2_500_000, "t0": 2_000_000}
PUBLISHED_PER_TASK = {"niv2": 300}


class Collection(Section):
    """One source of queries."""

    data: Location
    """JSONL or Parquet of queries: `prompt`, `inputs` or `messages`; `task` names what `per_task` counts; `verifier`,
    `reference` and `params` are for `verify`."""
    where: dict[str, str | int | bool] = Field(default_factory=dict)
    """Take only rows with these values, as in {submixture = "cot", few_shot = false}."""
    count: PositiveInt | None = None
    """Queries to draw; the paper's for cot, niv2, flan2021 and t0."""
    per_task: PositiveInt | None = None
    """Most queries of one task; 300 for niv2."""
    systems: tuple[str, ...] | None = None
    """Names of the system messages that its queries draw from."""
    licence: str = ""


class OrcaConfig(DataConfig):
    collections: dict[str, Collection]
    """Name -> where its queries are, how many, and with which system messages."""
    small: AnyTeacher
    """Answers every query."""
    large: AnyTeacher
    """Answers `fraction_large` of them."""
    budget: Budget = Budget()
    fraction_large: Share = 0.2
    sampling: Sampling = Sampling(temperature=0.7, top_p=0.95, max_tokens=2048)
    verify: bool = False
    """Reject answers that the query's own verifier does not find correct. Queries without one are kept unchecked."""

    def teachers(self) -> dict[str, Answering]:
        return {"small": self.small, "large": self.large}


class Orca(Recipe):
    """Round 0 draws the queries and asks the small teacher, round 1 asks the large one."""

    name: ClassVar[str] = "orca"
    version: ClassVar[str] = "2"
    Config = OrcaConfig
    config: OrcaConfig

    def __init__(self, config: OrcaConfig) -> None:
        super().__init__(config)
        for name, collection in config.collections.items():
            if unknown := set(_systems(name, collection)) - set(SYSTEMS):
                raise UserError(f"collections.{name}.systems: no {min(unknown)!r}; known: {', '.join(SYSTEMS)}")
            if _count(name, collection) is None:
                raise UserError(f"collections.{name}.count: required, since the paper has no collection of that name")

    def round(self, done: Done) -> Sequence[Stage]:
        checked: list[Stage] = [gathered("answered"), Each("verified", _verified)] if self.config.verify else []
        if done.rounds == 0:
            return [Barrier("queries", self._queries), Ask("small", self._ask, _answered, "small"), *checked]
        if done.rounds == 1 and self.config.fraction_large:
            rest = partial(_for_large, [*done.kept, *done.rejected])
            return [Barrier("large queries", rest), Ask("large", self._ask, _answered, "large"), *checked]
        return []

    def files(self, done: Done) -> Mapping[str, Iterable[Record]]:
        """In the order in which the student learns from them."""
        return {
            "stage1": [record for record in done.kept if record.round == 0],
            "stage2": [record for record in done.kept if record.round == 1],
        }

    def about(self, done: Done) -> Mapping[str, Any]:
        """The curriculum, in the paper four epochs of each."""
        return {"curriculum": [{"file": "stage1", "epochs": 4}, {"file": "stage2", "epochs": 4}]}

    def forecast(self) -> Sequence[Load]:
        count = sum(_count(name, collection) or 0 for name, collection in self.config.collections.items())
        return (Load("small", count, 300, 200), Load("large", round(count * self.config.fraction_large), 300, 250))

    def _queries(self, records: Sequence[Record], rng: Random) -> Iterable[Record]:
        """Exactly `count` of each collection, and among all of them exactly the large teacher's share."""
        found = [
            query for name, collection in self.config.collections.items() for query in self._drawn(name, collection)
        ]
        share = round(len(found) * self.config.fraction_large)
        large = set(rng.sample(range(len(found)), share))
        for index, query in enumerate(found):
            yield query.update(large=index in large)

    def _drawn(self, name: str, collection: Collection) -> Iterable[Record]:
        """The first in an order that depends on each query alone, so that more queries in the file disturb few."""
        count, seen = _count(name, collection) or 0, defaultdict[str, int](int)
        rows = list(_rows(collection, self.config.verify))
        rows.sort(key=lambda row: digest(self.config.seed, name, row["query"]))
        most = collection.per_task or PUBLISHED_PER_TASK.get(name)
        found = 0
        for row in rows:
            seen[row["task"]] += 1
            if found < count and (most is None or seen[row["task"]] <= most):
                found += 1
                system = Random(digest(self.config.seed, row["query"], "system")).choice(_systems(name, collection))
                yield Record(row | {"collection": name, "system": system}, source=name, licence=collection.licence)
        if found < count:
            raise UserError(f"collections.{name}: expected {count:,} queries, {collection.data} yields {found:,}")

    def _ask(self, record: Record, rng: Random) -> Sequence[Request]:
        system = SYSTEMS[record["system"]]
        messages = turns(record["prompt"], "", "", system)[:-1]
        return [Request(self.config.sampling, messages=messages)]


def _count(name: str, collection: Collection) -> int | None:
    return collection.count or PUBLISHED.get(name)


def _systems(name: str, collection: Collection) -> Sequence[str]:
    return collection.systems or USED.get(name, tuple(SYSTEMS))


def _rows(collection: Collection, verify: bool) -> Iterable[dict[str, Any]]:
    """Each different query once: its name, text, task, and what it is verified by. Raises UserError."""
    seen, grader = set(), Grader()
    for number, row in from_file(collection.data):
        if all(row.get(key) == value for key, value in collection.where.items()):
            prompt = _prompt(where := f"{collection.data}: row {number}", row)
            if (name := digest(prompt)) not in seen:
                seen.add(name)
                judged = {key: row[key] for key in ("verifier", "reference", "params") if key in row}
                if verify and judged.get("verifier"):
                    _check(grader, where, **judged)
                yield {"query": name, "prompt": prompt, "task": str(row.get("task", "")), **judged}


def _check(grader: Grader, where: str, verifier: str, reference: Any = None, params: Any = None) -> None:
    """Raises UserError for what the verifier could not judge by."""
    try:
        grader.check(verifier, reference, params)
    except (LookupError, ValueError, VerifierError) as error:
        raise UserError(f"{where}: {error.args[0]}") from None


def _prompt(where: str, row: Mapping[str, Any]) -> str:
    said = row.get("prompt", row.get("inputs", row.get("messages")))
    if isinstance(said, list):  # of a conversation, the first thing that the user says
        said = next((turn.get("content") for turn in said if turn.get("role") == "user"), None)
    if not isinstance(said, str) or not said.strip():
        raise UserError(
            f"{where}: expected `prompt`, `inputs` or `messages` with a user's text, got {short(dict(row))}"
        )
    return said


def _answered(record: Record, replies: Sequence[Reply], rng: Random) -> Iterable[Record]:
    output = replies[0].text.strip()
    answered = record.update(messages=turns(record["prompt"], "", output, SYSTEMS[record["system"]]))
    answered = answered.check("whole", replies[0].finish_reason == "stop", replies[0].finish_reason)
    yield answered.check("not empty", output != "")


def _for_large(records: Sequence[Record], none: Sequence[Record], rng: Random) -> Iterable[Record]:
    """The large teacher's share of the queries, whether or not the small one's answer was kept."""
    for record in records:
        if record["large"]:
            content = {key: value for key, value in record.content.items() if key != "messages"}
            yield Record(content, parents=(record.id,), source=record.source, licence=record.licence)


def _verified(record: Record, rng: Random) -> Iterable[Record]:
    """A verifier that failed says nothing of the answer; that is a reason of its own."""
    if not record.content.get("verifier"):
        return [record]
    reference, params = record.content.get("reference"), record.content.get("params") or {}
    verdict = verify(record["verifier"], record["messages"][-1]["content"], reference, **params)
    record = record.check("verifier worked", verdict.status != "error", verdict.reason)
    return [record.check("verified", verdict.status == "correct", verdict.status)]
