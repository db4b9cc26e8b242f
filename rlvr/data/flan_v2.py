"""The Flan Collection, or FLAN v2 (Longpre et al. 2023, arXiv 2301.13688): five sub-mixtures, told in four styles.

Defaults are the published ones: the shares of the sub-mixtures, the most examples of a task in each, inverted inputs at
0.3 of the rate of the task itself, half of the examples few-shot, and half of those of FLAN 2021 and T0 without answers
to choose from. Exemplars share the query's template and are left out from the end until all fits. Lists of answers are
written in many ways; where their items have letters or numbers, the target is the letter or number. Leaves out: the
data sets themselves, which have licences of their own.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from random import Random
from string import ascii_uppercase
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field, NonNegativeFloat, PositiveInt

from rlvr.data.flan import DELIMITER, SEPARATOR, exemplars
from rlvr.data.labelled import Fields, Labelled
from rlvr.data.rates import draws, shared
from rlvr.data.recipe import DataConfig, Done, Recipe
from rlvr.data.record import Record
from rlvr.data.stage import Barrier, Each, Stage
from rlvr.data.templates import OPTIONS, SETS, Template
from rlvr.errors import UserError

Submixture = Literal["flan2021", "t0", "niv2", "cot", "dialog"]

SHARES: dict[Submixture, float] = {"flan2021": 0.40, "t0": 0.32, "niv2": 0.20, "cot": 0.05, "dialog": 0.03}
CAPS: dict[Submixture, int] = {"flan2021": 30_000, "t0": 20_000, "niv2": 5_000, "cot": 100_000, "dialog": 200_000}
WITHOUT_OPTIONS: tuple[Submixture, ...] = ("flan2021", "t0")
"""Sub-mixtures that have a style without answers to choose from."""
FIVE, MOST_SHOTS = 5, 10
"""Half of the few-shot prompts have five exemplars, the others one to ten."""
BYTES_A_TOKEN = 4
"""Lengths are estimated, so that the data do not depend on a tokenizer."""


class Task(Labelled):
    """A labelled data set in its sub-mixture."""

    submixture: Submixture
    inverted: str | tuple[Template, ...] | None = None
    """Templates that turn the task round: the name of a set of ours, or your own."""


class FlanV2Config(DataConfig):
    """What `rlvr data flan-v2` makes."""

    datasets: Annotated[dict[str, Task], Field(min_length=1)]
    """Name -> labelled data set."""
    count: PositiveInt
    """Examples drawn."""
    shares: dict[Submixture, NonNegativeFloat] = Field(default=SHARES)
    """Of the whole. A sub-mixture without data sets is left out, and the others keep their proportions."""
    caps: dict[Submixture, PositiveInt] = Field(default=CAPS)
    """Most examples of one task; the published number where a sub-mixture is not named."""
    inversion_rate: NonNegativeFloat = 0.3
    """Of an inverted task, against 1 of the task itself."""
    max_input_tokens: PositiveInt = 2056
    max_target_tokens: PositiveInt = 512

    def cap(self, submixture: Submixture) -> int:
        return self.caps.get(submixture, CAPS[submixture])


class FlanV2(Recipe):
    name: ClassVar[str] = "flan-v2"
    version: ClassVar[str] = "1"
    Config: ClassVar[type[DataConfig]] = FlanV2Config

    def round(self, done: Done) -> Sequence[Stage]:
        if done.rounds:
            return ()
        return (
            Barrier("draw", partial(draw, self.config)),
            Each("tell", partial(told, patterns(self.config), self.config)),
        )

    def files(self, done: Done) -> Mapping[str, Iterable[Record]]:
        return {"train": done.kept}


def weights(config: FlanV2Config, sizes: Mapping[str, int]) -> dict[str, float]:
    """Of each task, and of each inverted one as `NAME-inverted`; they sum to 1."""
    within: dict[Submixture, dict[str, float]] = {}
    for name, task in config.datasets.items():
        counted = float(min(sizes[name], config.cap(task.submixture)))
        within.setdefault(task.submixture, {})[name] = counted
        if task.inverted and config.inversion_rate:
            within[task.submixture][inverted(name)] = config.inversion_rate * counted
    outer = shared({part: config.shares.get(part, 0.0) for part in within})
    return {name: outer[part] * share for part, tasks in within.items() for name, share in shared(tasks).items()}


def inverted(name: str) -> str:
    return f"{name}-inverted"


def patterns(config: FlanV2Config) -> dict[str, tuple[Template, ...]]:
    """The templates of each task, inverted ones included."""
    found = {name: task.patterns() for name, task in config.datasets.items()}
    for name, task in config.datasets.items():
        if isinstance(task.inverted, str) and task.inverted not in SETS:
            raise UserError(f"inverted: expected one of {', '.join(SETS)}, or a list; got {task.inverted!r}")
        if task.inverted:
            found[inverted(name)] = SETS[task.inverted] if isinstance(task.inverted, str) else task.inverted
    return found


def draw(config: FlanV2Config, _: Sequence[Record], random: Random) -> Iterable[Record]:
    """One record an example: its fields, those of its exemplars, and whether answers are listed."""
    read = {name: task.read(config.cap(task.submixture)) for name, task in config.datasets.items()}
    owners = {name: name for name in read} | {inverted(name): name for name in read}
    weighed = weights(config, {name: len(rows) for name, rows in read.items()})
    for name, number in draws(weighed, {name: len(read[owners[name]]) for name in weighed}, config.count, random):
        rows, task = read[owners[name]], config.datasets[owners[name]]
        shots = draw_shots(random)
        content: dict[str, Any] = {
            "dataset": owners[name],
            "task": name,
            "cluster": task.cluster,
            "submixture": task.submixture,
            "few_shot": shots > 0,
            "listed": task.submixture not in WITHOUT_OPTIONS or random.random() < 0.5,
            "fields": dict(rows[number]),
            "exemplars": [dict(shot) for shot in exemplars(rows, number, shots, random)],
        }
        yield Record(content, source=owners[name], licence=task.licence)


def draw_shots(random: Random) -> int:
    if random.random() < 0.5:
        return 0
    return FIVE if random.random() < 0.5 else random.randint(1, MOST_SHOTS)


def told(
    templates: Mapping[str, Sequence[Template]], config: FlanV2Config, record: Record, random: Random
) -> Iterable[Record]:
    """The example in the words of one template; rejected when it is too long, or no exemplar fits a few-shot one."""
    number = random.randrange(len(templates[record["task"]]))
    template, way = templates[record["task"]][number], Listing.draw(random)
    query, target = told_one(template, record["fields"], record["listed"], way)
    shots = [told_one(template, shot, record["listed"], way) for shot in record["exemplars"]]
    room = config.max_input_tokens - length(query)
    shown = fitting([DELIMITER.join(shot) for shot in shots if shot[0] != query], room)
    messages = [
        {"role": "user", "content": SEPARATOR.join([*shown, query])},
        {"role": "assistant", "content": target},
    ]
    names = ("dataset", "task", "cluster", "submixture", "few_shot", "listed")
    told = {name: record[name] for name in names} | {"template": number, "shots": len(shown)}
    yield (
        record.child("tell", messages=messages, **told)
        .check("input too long", room >= 0, length(query), config.max_input_tokens)
        .check("target too long", length(target) <= config.max_target_tokens, length(target), config.max_target_tokens)
        .check("no exemplar fits", bool(shown) or not record["few_shot"])
    )


def fitting(shots: Sequence[str], room: int) -> list[str]:
    """As many of the exemplars, from the first, as there is room for."""
    found = []
    for shot in shots:
        room -= length(shot + SEPARATOR)
        if room < 0:
            break
        found.append(shot)
    return found


def length(text: str) -> int:
    """In tokens, estimated."""
    return -(-len(text.encode()) // BYTES_A_TOKEN)


class Listing(NamedTuple):
    """A way to list answers to choose from."""

    heading: str
    item: str
    """How an item begins: with its letter, its number, or the same sign for all."""
    end: str

    @classmethod
    def draw(cls, random: Random) -> "Listing":
        return cls(random.choice(HEADINGS), random.choice(ITEMS), random.choice(ENDS))

    def labels(self, options: Sequence[str]) -> list[str]:
        """What names each option; empty texts where all begin alike."""
        numbers = [str(i) for i in range(1, len(options) + 1)]
        if LETTER in self.item:
            return list(ascii_uppercase[: len(options)]) if len(options) <= len(ascii_uppercase) else numbers
        return numbers if NUMBER in self.item else [""] * len(options)

    def write(self, options: Sequence[str]) -> str:
        labels = self.labels(options)
        starts = [self.item.replace(LETTER, label).replace(NUMBER, label) for label in labels]
        lines = [start + option for start, option in zip(starts, options, strict=True)]
        return "\n".join(filter(None, [self.heading, *lines, self.end]))

    def target(self, target: str, options: Sequence[str]) -> str:
        """The label of the option that the target is, if options have labels."""
        return dict(zip(options, self.labels(options), strict=True)).get(target) or target


LETTER, NUMBER = "{letter}", "{number}"
HEADINGS = ("OPTIONS:", "Options:", "Choose from:", "Possible answers:", "Answers to choose from:", "Select one:", "")
ITEMS = ("- ", "* ", *(form.format(sign) for sign in (LETTER, NUMBER) for form in ("({}) ", "{}. ", "[{}] ")))
ENDS = ("", "", "", "Answer with one of them.")


def told_one(template: Template, fields: Fields, listed: bool, way: Listing) -> tuple[str, str]:
    """Input and target; without the list of answers where `listed` is false."""
    options = fields["options"] if listed and template.names_options else []
    query, target = template.fill({**fields, OPTIONS: way.write(options) if options else ""})
    return re.sub(r"\n{3,}", "\n\n", query), way.target(target, options)
