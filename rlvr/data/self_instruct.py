"""Self-Instruct: from a few seed tasks a model writes many, says which are classification, and works examples of each.

Wang et al., 2022 (arXiv 2212.10560). Figures and filters are those of the authors' released code; where it differs from
the paper (a similarity of exactly the threshold is kept), the code is followed. The prompts are our own wording.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from random import Random
from typing import ClassVar

from pydantic import NonNegativeInt, PositiveInt

from rlvr.config import Location, Share
from rlvr.data import self_instruct_examples as examples
from rlvr.data.canonical import stream
from rlvr.data.novelty import Known, suitable
from rlvr.data.prompts import text, turns
from rlvr.data.recipe import Done, Load, Recipe
from rlvr.data.record import Record
from rlvr.data.request import Reply, Request, Sampling
from rlvr.data.seeds import Instance, read_seeds
from rlvr.data.stage import Ask, Barrier, Each, Stage
from rlvr.data.teachers.config import Taught

WRITE = Sampling(
    temperature=0.7,
    top_p=0.5,
    max_tokens=1024,
    presence_penalty=2.0,
    frequency_penalty=0.0,
    stop=("\n\n", "\n16", "16.", "16 ."),
)
CLASSIFY = Sampling(temperature=0.0, top_p=0.0, max_tokens=3, stop=("\n", "Task"))
WORK = Sampling(temperature=0.0, top_p=0.0, max_tokens=350, presence_penalty=1.5)
WORK_CLASSIFICATION = WORK.model_copy(update={"max_tokens": 300})
UNSUITABLE = re.compile(r"\b(images?|graphs?|pictures?|files?|maps?|draw|plot|go to)\b", re.IGNORECASE)
"""What a model of text cannot do."""
YES = {"Yes", "yes", "YES"}


class SelfInstructConfig(Taught):
    seeds: Location
    """JSONL of seed tasks `{instruction, instances: [{input, output}], is_classification}`; the authors used 175."""
    licence: str = ""
    """Of the seeds; every record bears it."""
    instructions: PositiveInt = 50_000
    """Stop writing tasks at so many. It may be raised later; the run then goes on."""
    requests_per_round: PositiveInt = 5
    """Requests that are made of the same pool of tasks."""
    shown: PositiveInt = 8
    """Tasks in a prompt."""
    shown_machine: NonNegativeInt = 2
    """How many of them the model wrote itself, once there are so many."""
    similarity: Share = 0.7
    """A task more similar (ROUGE-L) than this to a seed or a kept task is dropped."""
    words: tuple[int, int] = (4, 150)
    """Fewest and most words of a task."""
    instances: PositiveInt = 5
    """Most examples of a task."""
    patience: PositiveInt = 20
    """Stop after so many rounds in a row that kept nothing."""
    write: Sampling = WRITE
    classify: Sampling = CLASSIFY
    work: Sampling = WORK
    work_classification: Sampling = WORK_CLASSIFICATION


class SelfInstruct(Recipe):
    """Rounds that write tasks; then one round that works all of them."""

    name: ClassVar[str] = "self-instruct"
    version: ClassVar[str] = "2"
    Config = SelfInstructConfig
    growing = frozenset({"instructions", "patience"})
    again = frozenset({"instructions", "finetuning"})
    config: SelfInstructConfig

    def __init__(self, config: SelfInstructConfig) -> None:
        super().__init__(config)
        self.seeds = read_seeds(config.seeds)
        self._seed_texts = [(seed.id, seed.instruction) for seed in self.seeds]
        # What the finished rounds say, kept up to date from round to round.
        self._tasks: list[Record] = []
        self._known = Known(seed.instruction for seed in self.seeds)
        self._read, self._worked, self._fruitful = 0, -1, -1

    def round(self, done: Done) -> Sequence[Stage]:
        self._catch_up(done)
        enough = len(self._tasks) >= self.config.instructions
        barren = done.rounds - 1 - max(self._fruitful, self._worked) >= self.config.patience
        if not (enough or barren):
            return [
                Barrier("prompts", self._prompts),
                Ask("write", self._ask_for_tasks, self._tasks_out_of),
                Each("suitable", self._suitable),
                Barrier("novel", self._novel),
            ]
        if not any(task.round > self._worked for task in self._tasks):
            return []
        return [
            Barrier("unworked", self._unworked),
            Ask("classify", self._ask_whether_classification, self._classified),
            Ask("work", self._ask_for_examples, self._examples_out_of),
        ]

    def files(self, done: Done) -> Mapping[str, Iterable[Record]]:
        worked = [record for record in done.kept if record.stage == "work"]
        return {
            "dataset": worked,
            "instructions": [record for record in done.kept if record.stage == "write"],
            "finetuning": self._encoded(worked),
        }

    def forecast(self) -> Sequence[Load]:
        """With the authors' prompts about 2.5 tasks a request are kept on the long run."""
        count = self.config.instructions
        return (
            Load("teacher", round(count / 2.5), 250, 200),
            Load("teacher", count, len(text("self_instruct_classify")) // 4, 2),
            Load("teacher", count, len(text("self_instruct_input_first")) // 4, 120),
        )

    def _catch_up(self, done: Done) -> None:
        for record in done.kept[self._read :]:
            if record.stage == "write":
                self._tasks.append(record)
                self._known.add(record["instruction"])
                self._fruitful = record.round
        self._read = len(done.kept)
        self._worked = max(done.last_round("unworked"), done.last_round("work"))

    def _prompts(self, records: Sequence[Record], rng: Random) -> Iterable[Record]:
        """The tasks that each request shows, drawn anew for each."""
        written = [(task.id, task["instruction"]) for task in self._tasks]
        for _ in range(self.config.requests_per_round):
            shown = rng.sample(written, min(self.config.shown_machine, len(written)))
            shown += rng.sample(self._seed_texts, min(self.config.shown - len(shown), len(self._seed_texts)))
            rng.shuffle(shown)
            names, tasks = [name for name, _ in shown], [task for _, task in shown]
            yield Record({"shown": tasks}, parents=tuple(names), licence=self.config.licence, source=str(self.name))

    def _ask_for_tasks(self, record: Record, rng: Random) -> Sequence[Request]:
        shown = [" ".join(task.split()).rstrip(":") for task in record["shown"]]
        listed = "".join(f"{number}. {task}\n" for number, task in enumerate(shown, start=1))
        prompt = f"{text('self_instruct_write')}{listed}{len(shown) + 1}."
        return [Request(self.config.write, prompt=prompt, sample=record.sample)]

    def _tasks_out_of(self, record: Record, replies: Sequence[Reply], rng: Random) -> Iterable[Record]:
        """Each task of the list. A cut list is dropped whole, as its authors do."""
        if replies[0].finish_reason == "length":
            return [record.check("whole", False, "length")]
        pieces = (" ".join(piece.split()) for piece in re.split(r"\n\d+\s?\. ", replies[0].text))
        tasks = [piece.capitalize() for piece in pieces if piece]
        return [record.child("write", parents=record.parents, instruction=task) for task in tasks]

    def _suitable(self, record: Record, rng: Random) -> Iterable[Record]:
        yield suitable(record, self.config.words, UNSUITABLE)

    def _novel(self, records: Sequence[Record], rng: Random) -> Iterable[Record]:
        return self._known.judge(records, self.config.similarity)

    def _unworked(self, records: Sequence[Record], rng: Random) -> Iterable[Record]:
        for task in self._tasks:
            if task.round > self._worked:
                yield task.child("work", instruction=task["instruction"])

    def _ask_whether_classification(self, record: Record, rng: Random) -> Sequence[Request]:
        question = f"Task: {record['instruction']}\nIs it classification?"
        return [Request(self.config.classify, prompt=text("self_instruct_classify") + question)]

    def _classified(self, record: Record, replies: Sequence[Reply], rng: Random) -> Iterable[Record]:
        yield record.update(is_classification=replies[0].text.strip() in YES)

    def _ask_for_examples(self, record: Record, rng: Random) -> Sequence[Request]:
        label_first = record["is_classification"]
        sampling = self.config.work_classification if label_first else self.config.work
        ends = (f"Example {self.config.instances + 1}", "Task:", *sampling.stop)
        shown = text("self_instruct_output_first" if label_first else "self_instruct_input_first")
        prompt = f"{shown}Task: {record['instruction']}\n"
        return [Request(sampling.model_copy(update={"stop": ends}), prompt=prompt)]

    def _examples_out_of(self, record: Record, replies: Sequence[Reply], rng: Random) -> Iterable[Record]:
        read = examples.labelled if record["is_classification"] else examples.worked
        found = [record.child("work", **record.content, **asdict(one)) for one in read(replies[0].text)]
        for child in examples.judge(found, replies[0].finish_reason == "length", self.config.instances, rng):
            yield child.update(messages=turns(child["instruction"], child["input"], child["output"]))

    def _encoded(self, worked: Iterable[Record]) -> Iterable[Record]:
        """Training pairs of all examples, those of the seeds included, none twice."""
        pairs = [(record, record["instruction"], Instance(record["input"], record["output"])) for record in worked]
        for seed in self.seeds:
            origin = Record({}, id=seed.id, recipe=self.name, version=self.version, licence=self.config.licence)
            pairs += [(origin, seed.instruction, one) for one in seed.instances]
        seen: set[tuple[str, str]] = set()
        for number, (origin, instruction, example) in enumerate(pairs):
            rng = stream(self.name, self.config.seed, "encode", origin.id, number)
            pair = examples.encode(instruction, example, rng)
            if (key := (pair["prompt"], pair["completion"])) not in seen:
                seen.add(key)
                yield replace(origin, content=pair)
