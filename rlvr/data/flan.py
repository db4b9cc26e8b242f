"""FLAN (Wei et al. 2022, arXiv 2109.01652): labelled data sets told as instructions, in ten ways each.

Defaults are the published ones: at most 30,000 examples of a data set, mixed in proportion to their number up to a rate
of 3,000, one of ten templates drawn for each example, clusters of tasks held out whole. Held-out data sets become tasks
for `rlvr eval`, so that what was held out is also what is judged. Leaves out: rank classification by likelihood.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from random import Random
from typing import Annotated, Any, ClassVar

from pydantic import Field, NonNegativeInt, PositiveInt

from rlvr.data.labelled import Fields, Labelled
from rlvr.data.rates import draws, weights
from rlvr.data.recipe import DataConfig, Done, Recipe
from rlvr.data.record import Record
from rlvr.data.stage import Barrier, Each, Stage
from rlvr.data.templates import OPTIONS, Template
from rlvr.errors import UserError

SEPARATOR = "\n\n\n"
"""Between exemplars."""
DELIMITER = "\n\n"
"""Between an exemplar's input and its target."""


class FlanConfig(DataConfig):
    """What `rlvr data flan` makes."""

    datasets: Annotated[dict[str, Labelled], Field(min_length=1)]
    """Name -> labelled data set."""
    held_out: tuple[str, ...] = ()
    """Clusters that are not trained on, not even as exemplars; they become the file `held_out`, of tasks."""
    count: PositiveInt | None = None
    """Examples drawn; by default as many as the capped sizes add up to."""
    examples_per_dataset: PositiveInt = 30_000
    rate_cap: PositiveInt = 3_000
    """A larger data set weighs no more than one of this size."""
    shots: NonNegativeInt = 0
    """Solved examples of the same data set before each query."""
    held_out_per_dataset: PositiveInt = 200
    """Examples of each held-out data set."""


class Flan(Recipe):
    name: ClassVar[str] = "flan"
    version: ClassVar[str] = "1"
    Config: ClassVar[type[DataConfig]] = FlanConfig

    def __init__(self, config: FlanConfig) -> None:
        self.config = config
        clusters = {dataset.cluster for dataset in config.datasets.values()}
        if unknown := sorted(set(config.held_out) - clusters):
            raise UserError(
                f"held_out: no data set is of the cluster {unknown[0]!r}; there are {', '.join(sorted(clusters))}"
            )
        if clusters == set(config.held_out):
            raise UserError("held_out: every cluster is held out, so that nothing is left to train on")

    def round(self, done: Done) -> Sequence[Stage]:
        if done.rounds:
            return ()
        templates = {name: dataset.patterns() for name, dataset in self.config.datasets.items()}
        return (
            Barrier("draw", partial(draw, self.config)),
            Each("template", partial(told, templates)),
        )

    def files(self, done: Done) -> Mapping[str, Iterable[Record]]:
        held = [record for record in done.kept if "verifier" in record.content]
        found = {"train": [record for record in done.kept if "verifier" not in record.content]}
        return found | ({"held_out": held} if held else {})


def draw(config: FlanConfig, _: Sequence[Record], random: Random) -> Iterable[Record]:
    """One record an example to be told: its fields, and those of its exemplars. Then the held-out ones."""
    read = {name: dataset.read(config.examples_per_dataset) for name, dataset in config.datasets.items()}
    train = {name: rows for name, rows in read.items() if config.datasets[name].cluster not in config.held_out}
    sizes = {name: len(rows) for name, rows in train.items()}
    count = config.count or sum(min(size, config.rate_cap) for size in sizes.values())
    for name, number in draws(weights(sizes, config.rate_cap), sizes, count, random):
        yield _drawn(config, name, train[name][number], exemplars(train[name], number, config.shots, random))
    for name in sorted(read.keys() - train.keys()):
        chosen = random.sample(read[name], min(config.held_out_per_dataset, len(read[name])))
        yield from (_drawn(config, name, fields, ()) for fields in chosen)


def _drawn(config: FlanConfig, name: str, fields: Fields, shots: Sequence[Fields]) -> Record:
    dataset = config.datasets[name]
    held = dataset.cluster in config.held_out
    content: dict[str, Any] = {"dataset": name, "cluster": dataset.cluster, "held_out": held}
    content |= {"fields": dict(fields), "exemplars": [dict(shot) for shot in shots]}
    return Record(content, source=name, licence=dataset.licence)


def exemplars(rows: Sequence[Fields], query: int, count: int, random: Random) -> list[Fields]:
    """Other rows than the query, none that says the same, none twice. Fewer when there are no more."""
    found: list[Fields] = []
    for number in random.sample(range(len(rows)), min(len(rows), 2 * count + 1)) if count else ():
        if number != query and rows[number] != rows[query] and rows[number] not in found:
            found.append(rows[number])
    return found[:count]


def told(templates: Mapping[str, Sequence[Template]], record: Record, random: Random) -> Iterable[Record]:
    """The example in the words of one template, which its exemplars share; a held-out one as a task."""
    name, fields = record["dataset"], record["fields"]
    number = random.randrange(len(templates[name]))
    if record["held_out"]:
        yield _task(templates[name], record)
        return
    template = templates[name][number]
    query, target = fill(template, fields)
    shown = [DELIMITER.join(shot) for shot in (fill(template, f) for f in record["exemplars"]) if shot[0] != query]
    yield _conversation(record, SEPARATOR.join([*shown, query]), target, template=number, shots=len(shown))


def fill(template: Template, fields: Fields) -> tuple[str, str]:
    """Input and target, with the options as a list below their heading."""
    listed = "\n".join(["OPTIONS:", *(f"- {option}" for option in fields["options"])])
    return template.fill({**fields, OPTIONS: listed})


def _conversation(record: Record, query: str, target: str, **more: Any) -> Record:
    messages = [{"role": "user", "content": query}, {"role": "assistant", "content": target}]
    told = {"dataset": record["dataset"], "cluster": record["cluster"], **more}
    return record.child("tell", messages=messages, **told)


def _task(templates: Sequence[Template], record: Record) -> Record:
    """Asked with the first template, zero-shot; judged by the field `verifier`, or for the answer itself."""
    fields = record["fields"]
    query, target = fill(templates[0], fields)
    check = {"verifier": fields.get("verifier", "exact"), "reference": fields.get("reference", target)}
    if check["verifier"] == "exact":
        check["params"] = {"ignore_case": True}
    prompt = [{"role": "user", "content": query}]
    return record.child("hold out", prompt=prompt, **check, dataset=record["dataset"], cluster=record["cluster"])
