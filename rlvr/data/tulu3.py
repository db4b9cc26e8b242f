"""Tulu 3 (Lambert et al. 2024, arXiv 2411.15124): the three kinds of data of its stages, each a section of the config.

- `personas`: a model writes a prompt for a persona and a skill, then the response; prompts to follow instructions get
  one to three constraints, whose response is checked, and a response to all constraints but one is the rejected side
  of a pair;
- `preferences`: several models answer a prompt, the policy among them; where the prompt has a verifier, that decides,
  else a judge's marks from 1 to 5 on four points; the best is preferred to any of the lower ones;
- `rlvr`: tasks with verifiers, and solved examples in the user's turn where the paper has them.

Every prompt is decontaminated against the suites named. Mixing is `rlvr data mix`, training the pipeline of
`recipes/tulu3.toml`. Differs from the paper: what can be verified is verified, also where the paper trusts the model.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from random import Random
from typing import Annotated, ClassVar, Self

from pydantic import Field, PositiveInt, model_validator

from rlvr.config import Location, Section
from rlvr.data import tulu3_personas, tulu3_preferences
from rlvr.data.decontaminate import Index
from rlvr.data.forms import user_text
from rlvr.data.recipe import DataConfig, Done, Load, Recipe
from rlvr.data.record import Record
from rlvr.data.request import Sampling
from rlvr.data.stage import Barrier, Stage
from rlvr.data.suites import items
from rlvr.data.teachers.config import Answering, AnyTeacher, Budget
from rlvr.data.tulu3_personas import Skill
from rlvr.errors import UserError
from rlvr.tasks.sources import load_examples


class Personas(Section):
    """Prompts and responses by persona."""

    data: Location
    """JSONL or Parquet with a column `persona`."""
    prompts: Annotated[dict[Skill, PositiveInt], Field(min_length=1)]
    """How many of each skill. The paper has 149,960 of math, 49,980 of grade_math, 20,000 of algebra, 34,999 of code
    and 29,980 of instructions."""
    writer: AnyTeacher
    """Writes prompts and responses."""
    sampling: Sampling = Sampling(temperature=0.7, top_p=0.95, max_tokens=2048)
    most_constraints: PositiveInt = 3
    licence: str = ""


class Preferences(Section):
    """Pairs out of the responses of several models."""

    data: Location
    """JSONL or Parquet of conversations or tasks; their prompts are used."""
    count: PositiveInt
    """Prompts drawn."""
    models: Annotated[dict[str, AnyTeacher], Field(min_length=1)]
    """Name -> model that answers. The policy to be trained should be one of them."""
    responses: Annotated[int, Field(ge=2)] = 4
    """Responses a prompt, of different models as far as there are."""
    judge: AnyTeacher | None = None
    """Marks the responses to prompts that have no verifier."""
    sampling: Sampling = Sampling(temperature=0.8, top_p=1.0, max_tokens=2048)
    judging: Sampling = Sampling(temperature=0.0, max_tokens=64)


class Verifiable(Section):
    """Tasks for RL."""

    sources: Annotated[dict[str, str], Field(min_length=1)]
    """Name -> task source; where exemplars are wanted, one with solutions or gold responses."""
    exemplars: dict[str, PositiveInt] = Field(default_factory=dict)
    """Name -> solved examples before each of its tasks. The paper has 8 for GSM8K and 4 for MATH."""


class Tulu3Config(DataConfig):
    """What `rlvr data tulu3` makes: the sections that are there."""

    personas: Personas | None = None
    preferences: Preferences | None = None
    rlvr: Verifiable | None = None
    decontaminate: tuple[str, ...] = ()
    """Evaluation sets: task sources or files."""
    budget: Budget = Budget()

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.personas or self.preferences or self.rlvr):
            raise ValueError("expected at least one of the sections personas, preferences and rlvr; got none")
        return self

    def teachers(self) -> dict[str, Answering]:
        found: dict[str, Answering] = {}
        if self.personas:
            found["writer"] = self.personas.writer
        if self.preferences:
            found |= {tulu3_preferences.role(name): model for name, model in self.preferences.models.items()}
            if self.preferences.judge:
                found["judge"] = self.preferences.judge
        return found


class Tulu3(Recipe):
    """A round for each section; that without a teacher comes first, so that wrong sources are found before any call."""

    name: ClassVar[str] = "tulu3"
    version: ClassVar[str] = "3"
    Config: ClassVar[type[DataConfig]] = Tulu3Config
    config: Tulu3Config

    def __init__(self, config: Tulu3Config) -> None:
        super().__init__(config)
        self._suites: Index | None = None

    def round(self, done: Done) -> Sequence[Stage]:
        config = self.config
        if done.rounds == 0:
            self._check_files()
        self._suites = self._suites or Index({name: list(items(name).values()) for name in config.decontaminate})
        clean = Barrier("decontaminate", partial(decontaminated, self._suites))
        rounds: list[Sequence[Stage]] = []
        if config.rlvr:
            # Exemplars come last: of clean tasks, and no reason to take the task behind them for contaminated.
            exemplars = Barrier("exemplars", partial(shown, config.rlvr.exemplars))
            rounds.append([Barrier("tasks", partial(tasks, config.rlvr)), clean, exemplars])
        if personas := config.personas:
            first = Barrier(
                "personas", partial(tulu3_personas.drawn, personas.data, personas.prompts, personas.licence)
            )
            rounds.append(tulu3_personas.stages(first, clean, personas.most_constraints, personas.sampling))
        if preferences := config.preferences:
            first = Barrier("prompts", partial(tulu3_preferences.drawn, preferences.data, preferences.count))
            settings = tulu3_preferences.Settings(
                tuple(preferences.models),
                preferences.responses,
                preferences.judge is not None,
                preferences.sampling,
                preferences.judging,
            )
            rounds.append(tulu3_preferences.stages(first, clean, settings))
        return rounds[done.rounds] if done.rounds < len(rounds) else ()

    def _check_files(self) -> None:
        for name in ("personas", "preferences"):
            section = getattr(self.config, name)
            if section and not section.data.is_file():
                raise UserError(f"{name}.data: expected a file, found none at {section.data}")

    def forecast(self) -> Sequence[Load]:
        """With all prompts answered, and none of the preferences decided by a verifier."""
        found = []
        if personas := self.config.personas:
            prompts = sum(personas.prompts.values())
            relaxed = personas.prompts.get(tulu3_personas.INSTRUCTIONS, 0)
            found = [Load("writer", prompts, 150, 150), Load("writer", prompts + relaxed, 150, 600)]
        if preferences := self.config.preferences:
            responses = preferences.count * preferences.responses
            each = -(-responses // len(preferences.models))
            found += [Load(tulu3_preferences.role(name), each, 200, 500) for name in preferences.models]
            if preferences.judge:
                found.append(Load("judge", responses, 900, 30))
        return found

    def files(self, done: Done) -> Mapping[str, Iterable[Record]]:
        """`sft`: conversations; `preferences`: pairs; `rlvr`: tasks, those of personas included."""
        keys = {"sft": "messages", "preferences": "chosen", "rlvr": "verifier"}
        return {name: found for name, key in keys.items() if (found := [r for r in done.kept if key in r.content])}


def decontaminated(suites: Index, records: Sequence[Record], random: Random) -> Iterable[Record]:
    """Rejects records whose prompt repeats an item of the suites."""
    if not suites.suites:
        return records
    flagged = suites.report(user_text(record["prompt"]) for record in records).flagged
    return [record.check("decontaminated", number not in flagged) for number, record in enumerate(records)]


def tasks(config: Verifiable, _: Sequence[Record], random: Random) -> Iterable[Record]:
    """The tasks of every source, each with what it would say as an exemplar."""
    if unknown := sorted(config.exemplars.keys() - config.sources.keys()):
        raise UserError(f"rlvr.exemplars: no source {unknown[0]!r}; there are {', '.join(config.sources)}")
    for name, source in config.sources.items():
        for example in load_examples(source):
            task, answer = example.task, example.worked or example.gold
            solved = answer and f"{example.question or user_text(task.prompt)}\n{answer}\n\n"
            content = {"prompt": task.prompt, "verifier": task.verifier, "reference": task.reference}
            more = {"params": task.params} if task.params else {}
            content |= more | {"task": task.id, "from": name, "solved": solved}
            yield Record(content, operation="task", source=task.source or name)


def shown(exemplars: Mapping[str, int], records: Sequence[Record], random: Random) -> Iterable[Record]:
    """The tasks with the exemplars of their source before them, which are drawn from the tasks and leave them."""
    before: dict[str, str] = {}
    drawn: set[str] = set()
    for name, wanted in exemplars.items():
        solved = [record for record in records if record["from"] == name and record["solved"]]
        if len(solved) < wanted:
            raise UserError(f"rlvr.exemplars.{name}: expected {wanted} clean tasks with solutions, got {len(solved)}")
        chosen = random.sample(solved, wanted)
        drawn |= {record.id for record in chosen}
        before[name] = "".join(record["solved"] for record in chosen)
    for record in records:
        content = {key: value for key, value in record.content.items() if key not in ("from", "solved")}
        if text := before.get(record["from"]):
            content["prompt"] = [{"role": "user", "content": text + user_text(record["prompt"])}]
        yield replace(record, content=content).check("no exemplar", record.id not in drawn)
