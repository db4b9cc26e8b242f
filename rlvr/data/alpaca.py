"""Alpaca: a model writes whole examples, twenty to a request, from three seed tasks each.

Taori et al., 2023 (Stanford Alpaca), in the authors' released form: one instance a task, no branch for classification,
prompts of seed tasks only. Their teacher was also forbidden its end-of-text token (`logit_bias = {"50256" = -100}`);
that number names another token elsewhere, and is left to the configuration. The prompt is our own wording.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import ClassVar

from pydantic import PositiveInt

from rlvr.config import Location, Share
from rlvr.data.novelty import Known, suitable
from rlvr.data.prompts import text, turns
from rlvr.data.recipe import Done, Load, Recipe
from rlvr.data.record import Record
from rlvr.data.request import Reply, Request, Sampling
from rlvr.data.seeds import Seed, read_seeds
from rlvr.data.stage import Ask, Barrier, Each, Stage
from rlvr.data.teachers.config import Taught

UNSUITABLE = re.compile(
    r"\b(images?|graphs?|pictures?|files?|maps?|draw|plot|go to|video|audio|music|flowchart|diagram)\b", re.IGNORECASE
)
"""What a model of text cannot do."""
NO_INPUT = "<noinput>"
SEPARATOR = "###"
HEADINGS = ["Instruction", "Input", "Output"]
"""Of a block, each once and in this order."""
KEPT_PER_REQUEST = 7
"""On the long run, for the forecast."""


class AlpacaConfig(Taught):
    seeds: Location
    """JSONL of seed tasks `{instruction, instances: [{input, output}]}`; the first instance is shown."""
    licence: str = ""
    """Of the seeds; every record bears it."""
    instructions: PositiveInt = 52_000
    """Stop at so many. It may be raised later; the run then goes on."""
    requests_per_round: PositiveInt = 5
    """Requests that are judged against the same pool of tasks."""
    shown: PositiveInt = 3
    """Seed tasks in a prompt."""
    tasks: PositiveInt = 20
    """Tasks in the list that the teacher completes, the seeds included."""
    similarity: Share = 0.7
    """A task more similar (ROUGE-L) than this to a seed or a kept task is dropped."""
    words: tuple[int, int] = (4, 150)
    """Fewest and most words of a task."""
    patience: PositiveInt = 20
    """Stop after so many rounds in a row that kept nothing."""
    sampling: Sampling = Sampling(temperature=1.0, top_p=1.0, max_tokens=3072, stop=("\n20", "20.", "20."))


class Alpaca(Recipe):
    name: ClassVar[str] = "alpaca"
    version: ClassVar[str] = "2"
    Config = AlpacaConfig
    growing = frozenset({"instructions", "patience"})
    config: AlpacaConfig

    def __init__(self, config: AlpacaConfig) -> None:
        super().__init__(config)
        self.seeds = read_seeds(config.seeds)
        # What the finished rounds say, kept up to date from round to round.
        self._known = Known(seed.instruction for seed in self.seeds)
        self._read, self._fruitful = 0, -1

    def round(self, done: Done) -> Sequence[Stage]:
        for record in done.kept[self._read :]:
            self._known.add(record["instruction"])
            self._fruitful = record.round
        self._read = len(done.kept)
        if self._read >= self.config.instructions or done.rounds - 1 - self._fruitful >= self.config.patience:
            return []
        return [
            Barrier("prompts", self._prompts),
            Ask("write", self._ask, self._tasks_out_of),
            Each("suitable", self._suitable),
            Barrier("novel", lambda records, rng: self._known.judge(records, self.config.similarity)),
        ]

    def files(self, done: Done) -> Mapping[str, Iterable[Record]]:
        return {"dataset": done.kept}

    def forecast(self) -> Sequence[Load]:
        written = self.config.tasks - self.config.shown
        read = len(text("alpaca")) // 4 + 60 * self.config.shown
        return (Load("teacher", -(-self.config.instructions // KEPT_PER_REQUEST), read, 75 * written),)

    def _prompts(self, records: Sequence[Record], rng: Random) -> Iterable[Record]:
        """The seeds that each request shows."""
        for _ in range(self.config.requests_per_round):
            shown = rng.sample(self.seeds, min(self.config.shown, len(self.seeds)))
            names = tuple(seed.id for seed in shown)
            blocks = "".join(_block(number, seed) for number, seed in enumerate(shown, start=1))
            yield Record({"shown": blocks}, parents=names, licence=self.config.licence, source=self.name)

    def _ask(self, record: Record, rng: Random) -> Sequence[Request]:
        rules = text("alpaca").format(tasks=self.config.tasks)
        opening = f"{SEPARATOR}\n{len(record.parents) + 1}. Instruction:"
        return [Request(self.config.sampling, prompt=f"{rules}{record['shown']}{opening}", sample=record.sample)]

    def _tasks_out_of(self, record: Record, replies: Sequence[Reply], rng: Random) -> Iterable[Record]:
        reply, first = replies[0], len(record.parents) + 1
        for block in blocks(reply.text, first, cut=reply.finish_reason == "length"):
            if isinstance(block, str):
                yield record.child("write", record.parents, block=block).check("block", False)
            else:
                instruction, given, output = block
                messages = turns(instruction, given, output)
                yield record.child(
                    "write", record.parents, instruction=instruction, input=given, output=output, messages=messages
                )

    def _suitable(self, record: Record, rng: Random) -> Iterable[Record]:
        yield suitable(record, self.config.words, UNSUITABLE)


def blocks(completion: str, first: int, cut: bool) -> Iterable[tuple[str, str, str] | str]:
    """Instruction, input and output of each block of a completion, or the block as it is where it has a fault.

    Blocks are numbered from `first`, the number whose opening ended the prompt, and each must bear its own number; the
    last of a `cut` completion is dropped, whole or not.
    """
    opening = f"{first}. Instruction:"
    whole = completion.lstrip().removeprefix(SEPARATOR).lstrip()  # a chat model says the opening once more
    pieces = (whole if whole.startswith(opening) else opening + completion).split(SEPARATOR)
    for number, piece in enumerate(pieces, start=first):
        parts = re.split(rf"{number}\.\s+({'|'.join(HEADINGS)}):", piece)  # each heading, and what stands behind it
        if parts[1::2] != HEADINGS or (cut and number == first + len(pieces) - 1):
            if piece.strip():
                yield piece.strip()
            continue
        instruction, given, output = (parts[index].strip() for index in (2, 4, 6))
        yield instruction, "" if given.lower() == NO_INPUT else given, output


def _block(number: int, seed: Seed) -> str:
    given, output = (seed.instances[0].input, seed.instances[0].output) if seed.instances else ("", "")
    instruction = " ".join(seed.instruction.split()).rstrip(":")
    return (
        f"{SEPARATOR}\n{number}. Instruction: {instruction}\n"
        f"{number}. Input:\n{given or NO_INPUT}\n{number}. Output:\n{output}\n"
    )
