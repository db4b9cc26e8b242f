"""Evol-Instruct: a model makes prompts harder, or new ones like them, round after round; what fails is eliminated.

Xu et al., 2023 (WizardLM, arXiv 2304.12244): six operations with equal chances, four rounds, four rules of elimination.
An eliminated prompt is kept as rejected with its rule, and its parent evolves again in the next round. The paper's
generator was never released; prompts are our own wording after its descriptions.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from random import Random
from typing import ClassVar

from pydantic import NonNegativeInt, PositiveInt

from rlvr.config import Location
from rlvr.data.canonical import stream
from rlvr.data.prompts import text, turns
from rlvr.data.recipe import Done, Load, Recipe
from rlvr.data.record import Record
from rlvr.data.request import Reply, Request, Sampling
from rlvr.data.seeds import read_seeds
from rlvr.data.stage import Ask, Barrier, Each, Stage
from rlvr.data.teachers.config import Taught

IN_DEPTH = {
    "add constraints": "Add one more condition or requirement.",
    "deepen": "If it asks about some matter, ask for more depth and more breadth.",
    "concretise": "Put a more specific notion in the place of a general one.",
    "more reasoning": "If a few simple steps of thought settle it, demand that several steps are reasoned through.",
}
COMPLICATE_INPUT = "complicate input"
IN_BREADTH = "in breadth"
OPERATIONS = (*IN_DEPTH, COMPLICATE_INPUT, IN_BREADTH)
FORMATS = (
    *("XML data", "a SQL database", "Python code", "an HTML page"),
    *("shell commands", "JSON data", "a formula", "a table"),
)

COPIED = re.compile(r"given prompt|rewritten prompt|created prompt|#\s*prompt\s*#", re.IGNORECASE)
SORRY_WORDS = 80
WORD = re.compile(r"\w+(?:'\w+)?")


class EvolConfig(Taught):
    seeds: Location
    """JSONL of the prompts to begin with, `{instruction, input?, output?}`; the authors took Alpaca's 52k."""
    licence: str = ""
    """Of the seeds; every record bears it."""
    rounds: PositiveInt = 4
    """It may be raised later; the run then goes on."""
    extra_words: tuple[NonNegativeInt, PositiveInt] = (10, 20)
    """How many words an evolved prompt may add; the range is the paper's, and each prompt draws its own limit."""
    sampling: Sampling = Sampling(temperature=1.0, top_p=0.9, max_tokens=2048, frequency_penalty=0.0)
    compare: Sampling = Sampling(temperature=0.0, top_p=1.0, max_tokens=8)
    """For the comparison of a prompt with its parent."""


class EvolInstruct(Recipe):
    """Round 0 takes the seeds in and answers those without an answer; each further round evolves every lineage once."""

    name: ClassVar[str] = "evol-instruct"
    version: ClassVar[str] = "2"
    Config = EvolConfig
    growing = frozenset({"rounds"})
    config: EvolConfig

    def __init__(self, config: EvolConfig) -> None:
        super().__init__(config)
        # The latest prompt of each lineage, kept up to date from round to round.
        self._latest: dict[str, Record] = {}
        self._read = 0

    def round(self, done: Done) -> Sequence[Stage]:
        for record in done.kept[self._read :]:
            self._latest[record["lineage"]] = record
        self._read = len(done.kept)
        if done.rounds > self.config.rounds:
            return []
        answer = Ask("answer", self._ask_for_answer, _answered)
        if done.rounds == 0:
            return [Barrier("seeds", self._seeds), answer]
        return [
            Barrier("parents", partial(self._parents, done.rounds)),
            Ask("evolve", self._ask_for_evolution, _evolved),
            Each("no copy", _judge_copy),
            Ask("compare", self._ask_for_comparison, _compared),
            answer,
            Each("sound answer", _judge_answer),
        ]

    def files(self, done: Done) -> Mapping[str, Iterable[Record]]:
        """Seeds and all evolved prompts of all rounds, shuffled."""
        shuffled = list(done.kept)
        stream(self.name, self.config.seed, "shuffle").shuffle(shuffled)
        return {"dataset": shuffled}

    def forecast(self) -> Sequence[Load]:
        seeds = read_seeds(self.config.seeds)
        bare = sum(not seed.instances for seed in seeds)
        evolutions = len(seeds) * self.config.rounds
        return (
            Load("teacher", evolutions, 250, 60),
            Load("teacher", evolutions, 180, 2),
            Load("teacher", evolutions + bare, 60, 350),
        )

    def _seeds(self, records: Sequence[Record], rng: Random) -> Iterable[Record]:
        for seed in read_seeds(self.config.seeds):
            content = {"instruction": seed.instruction, "lineage": seed.id, "depth": 0}
            if seed.instances:
                given, output = seed.instances[0].input, seed.instances[0].output
                content["instruction"] = prompt = f"{seed.instruction}\n\n{given}" if given else seed.instruction
                content |= {"output": output, "messages": turns(prompt, "", output)}
            yield Record(content, source=str(self.config.seeds.name), licence=self.config.licence)

    def _parents(self, number: int, records: Sequence[Record], rng: Random) -> Iterable[Record]:
        """One attempt for each lineage; its operation and its limit of words are drawn from a stream of its own."""
        for lineage, parent in self._latest.items():
            own = stream(self.name, self.config.seed, "operation", number, lineage)
            operation = own.choice(OPERATIONS)
            yield parent.child(
                operation,
                parent=parent["instruction"],
                lineage=lineage,
                depth=parent["depth"] + 1,
                words=own.randint(*self.config.extra_words),
                format=own.choice(FORMATS) if operation == COMPLICATE_INPUT else "",
            )

    def _ask_for_evolution(self, record: Record, rng: Random) -> Sequence[Request]:
        prompt = evolution(record.operation, record["parent"], record["words"], record["format"])
        return [_said(prompt, self.config.sampling, record.sample)]

    def _ask_for_comparison(self, record: Record, rng: Random) -> Sequence[Request]:
        question = text("evol_equal").format(first=record["parent"], second=record["instruction"])
        return [_said(question, self.config.compare)]

    def _ask_for_answer(self, record: Record, rng: Random) -> Sequence[Request]:
        if "output" in record.content:
            return []
        return [_said(record["instruction"], self.config.sampling, record.sample)]


def evolution(operation: str, prompt: str, words: int, data: str) -> str:
    """What the teacher is told to do with a prompt. Raises KeyError for an unknown operation."""
    if operation == IN_BREADTH:
        return text("evol_breadth").format(prompt=prompt)
    if operation == COMPLICATE_INPUT:
        return text("evol_input").format(prompt=prompt, words=words, format=data)
    return text("evol_depth").format(prompt=prompt, words=words, how=IN_DEPTH[operation])


def copies_prompt(instruction: str) -> bool:
    """It speaks of the request that it came from."""
    return COPIED.search(instruction) is not None


def is_apology(output: str) -> bool:
    """A short answer with a `sorry` in it: the model could not do it."""
    return "sorry" in output.lower() and len(output.split()) < SORRY_WORDS


def says_nothing(output: str) -> bool:
    """Nothing but punctuation and stop words."""
    stop_words = set(text("stop_words").split())
    return all(word.lower() in stop_words for word in WORD.findall(output))


def _said(prompt: str, sampling: Sampling, sample: int = 0) -> Request:
    return Request(sampling, messages=[{"role": "user", "content": prompt}], sample=sample)


def _evolved(record: Record, replies: Sequence[Reply], rng: Random) -> Iterable[Record]:
    instruction = replies[0].text.strip()
    record = record.update(instruction=instruction).check("whole", replies[0].finish_reason != "length")
    yield record.check("not empty", instruction != "")


def _judge_copy(record: Record, rng: Random) -> Iterable[Record]:
    yield record.check("copies no words of the request", not copies_prompt(record["instruction"]))


def _compared(record: Record, replies: Sequence[Reply], rng: Random) -> Iterable[Record]:
    said = replies[0].text.strip().lower()
    yield record.check("says more than its parent", not said.startswith("equal"), replies[0].text.strip())


def _answered(record: Record, replies: Sequence[Reply], rng: Random) -> Iterable[Record]:
    if not replies:
        return [record]
    output = replies[0].text.strip()
    return [record.update(output=output, messages=turns(record["instruction"], "", output))]


def _judge_answer(record: Record, rng: Random) -> Iterable[Record]:
    record = record.check("no apology", not is_apology(record["output"]))
    yield record.check("says something", not says_nothing(record["output"]))
