"""Magpie: an aligned model, given only what its chat template puts before a user's turn, writes the user's query.

Xu et al., 2024 (arXiv 2406.08464): queries at temperature 0.8 in batches of 200, answers at 0.6; the model rates its
queries, and only good ones stay. Where the paper drops near neighbours of embeddings, we drop by ROUGE-L, which needs
no further model; and its filter by a reward model is left out. The teacher must have a completions endpoint.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from random import Random
from typing import ClassVar, Literal

from pydantic import PositiveInt

from rlvr.config import Share
from rlvr.data.novelty import Known
from rlvr.data.prompts import text, turns
from rlvr.data.recipe import Done, Load, Recipe
from rlvr.data.record import Record
from rlvr.data.request import Reply, Request, Sampling
from rlvr.data.stage import Ask, Barrier, Stage
from rlvr.data.teachers.config import Taught

RATINGS = ("very poor", "poor", "average", "good", "excellent")


class MagpieConfig(Taught):
    before_query: str
    """What the teacher's chat template puts before a user's turn, as in "<|im_start|>user\\n"."""
    after_query: str
    """What it puts after it, as in "<|im_end|>"."""
    licence: str = ""
    """Of the teacher's output."""
    instructions: PositiveInt = 10_000
    """Stop at so many. It may be raised later; the run then goes on."""
    batch: PositiveInt = 200
    """Queries that are judged against the same pool."""
    least: Literal["very poor", "poor", "average", "good", "excellent"] = "good"
    """Lowest rating of a query that is kept."""
    similarity: Share = 0.7
    """A query more similar (ROUGE-L) than this to a kept one is dropped."""
    patience: PositiveInt = 5
    """Stop after so many rounds in a row that kept nothing."""
    query: Sampling = Sampling(temperature=0.8, top_p=1.0, max_tokens=1024)
    rate: Sampling = Sampling(temperature=0.0, top_p=1.0, max_tokens=8)
    answer: Sampling = Sampling(temperature=0.6, top_p=0.9, max_tokens=2048)


class Magpie(Recipe):
    name: ClassVar[str] = "magpie"
    version: ClassVar[str] = "2"
    Config = MagpieConfig
    growing = frozenset({"instructions", "patience"})
    config: MagpieConfig

    def __init__(self, config: MagpieConfig) -> None:
        super().__init__(config)
        self._known = Known(())
        self._read, self._fruitful = 0, -1

    def round(self, done: Done) -> Sequence[Stage]:
        for record in done.kept[self._read :]:
            self._known.add(record["instruction"])
            self._fruitful = record.round
        self._read = len(done.kept)
        if self._read >= self.config.instructions or done.rounds - 1 - self._fruitful >= self.config.patience:
            return []
        return [
            Barrier("turns", partial(self._turns, done.rounds * self.config.batch)),
            Ask("query", self._ask_for_query, _queried),
            Ask("rate", self._ask_for_rating, self._rated),
            Barrier("novel", lambda records, rng: self._known.judge(records, self.config.similarity)),
            Ask("answer", self._ask_for_answer, _answered),
        ]

    def files(self, done: Done) -> Mapping[str, Iterable[Record]]:
        return {"dataset": done.kept}

    def forecast(self) -> Sequence[Load]:
        """If two queries of three are kept."""
        count = self.config.instructions
        return (
            Load("teacher", round(count * 1.5), 10, 60),
            Load("teacher", round(count * 1.5), 180, 3),
            Load("teacher", count, 70, 400),
        )

    def _turns(self, first: int, records: Sequence[Record], rng: Random) -> Iterable[Record]:
        """All alike but for their number, which makes each a sample of its own."""
        for number in range(first, first + self.config.batch):
            yield Record({"number": number}, source=self.config.teacher.model, licence=self.config.licence)

    def _ask_for_query(self, record: Record, rng: Random) -> Sequence[Request]:
        sampling = self.config.query.model_copy(update={"stop": (*self.config.query.stop, self.config.after_query)})
        return [Request(sampling, prompt=self.config.before_query, sample=record["number"])]

    def _ask_for_rating(self, record: Record, rng: Random) -> Sequence[Request]:
        question = text("magpie_rate").format(query=record["instruction"])
        return [Request(self.config.rate, messages=[{"role": "user", "content": question}])]

    def _rated(self, record: Record, replies: Sequence[Reply], rng: Random) -> Iterable[Record]:
        rating = replies[0].text.strip().strip(".*\"'").lower()
        good = rating in RATINGS and RATINGS.index(rating) >= RATINGS.index(self.config.least)
        yield record.update(rating=rating).check("rating", good, rating, self.config.least)

    def _ask_for_answer(self, record: Record, rng: Random) -> Sequence[Request]:
        return [Request(self.config.answer, messages=[{"role": "user", "content": record["instruction"]}])]


def _queried(record: Record, replies: Sequence[Reply], rng: Random) -> Iterable[Record]:
    record = record.update(instruction=replies[0].text.strip())
    record = record.check("whole", replies[0].finish_reason == "stop", replies[0].finish_reason)
    yield record.check("not empty", record["instruction"] != "")


def _answered(record: Record, replies: Sequence[Reply], rng: Random) -> Iterable[Record]:
    output = replies[0].text.strip()
    answered = record.update(output=output, messages=turns(record["instruction"], "", output))
    yield answered.check("an answer", output != "" and replies[0].finish_reason == "stop", replies[0].finish_reason)
