"""GLAN: instructions out of a taxonomy of knowledge alone: disciplines, their subjects, a syllabus of each, homework.

Li et al., 2024 (arXiv 2402.13064): ten lists of subjects a discipline, free text that a cheaper model turns into rows,
class sessions with key concepts, and questions on one session or across two; each choice of concepts is used once. The
taxonomy is yours to edit: what is added later is made in a further round, and nothing is asked again for the rest. The
paper's taxonomy came from GPT-4 and a vote of people, and was not released; the one shipped here is our own.
"""

import json
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib import resources
from itertools import combinations, product
from pathlib import Path
from random import Random
from typing import Any, ClassVar

from pydantic import PositiveInt

from rlvr.config import Location, Share
from rlvr.data.prompts import text, turns
from rlvr.data.recipe import DataConfig, Done, Load, Recipe
from rlvr.data.record import Record
from rlvr.data.request import Reply, Request, Sampling
from rlvr.data.stage import Ask, Barrier, Each, Stage
from rlvr.data.teachers.config import Answering, AnyTeacher, Budget
from rlvr.errors import UserError

Choice = tuple[tuple[int, tuple[int, ...]], ...]
"""Sessions, each with the key concepts that are asked about, by their numbers."""
TRIES = 50
"""Draws in a row that bring nothing new, before the rest are enumerated."""


class GlanConfig(DataConfig):
    teacher: AnyTeacher
    """Writes lists of subjects, syllabi and questions; GPT-4 in the paper."""
    helper: AnyTeacher
    """Turns lists into rows and answers the questions; GPT-3.5 in the paper."""
    budget: Budget = Budget()
    taxonomy: Location | None = None
    """TOML or JSON: field -> sub-field -> list of disciplines (any depth). May grow; `none` is the one shipped."""
    subject_lists: PositiveInt = 10
    """How often the teacher lists the subjects of a discipline."""
    subjects: PositiveInt = 200
    """Most subjects of a discipline."""
    questions: PositiveInt = 500
    """Questions of each subject, or as many as its syllabus has choices of concepts."""
    across: Share = 0.5
    """Share of questions across two sessions."""
    concepts: PositiveInt = 5
    """Most key concepts that a question takes from a session."""
    write: Sampling = Sampling(temperature=1.0, top_p=0.95, max_tokens=4096)
    structure: Sampling = Sampling(temperature=0.0, top_p=1.0, max_tokens=4096)
    answer: Sampling = Sampling(temperature=0.7, top_p=0.95, max_tokens=4096)

    def teachers(self) -> dict[str, Answering]:
        return {"teacher": self.teacher, "helper": self.helper}


class Glan(Recipe):
    """One round for all disciplines that are new."""

    name: ClassVar[str] = "glan"
    version: ClassVar[str] = "2"
    Config = GlanConfig
    growing = frozenset({"taxonomy"})
    config: GlanConfig

    def __init__(self, config: GlanConfig) -> None:
        super().__init__(config)
        self.disciplines = read_taxonomy(config.taxonomy)

    def round(self, done: Done) -> Sequence[Stage]:
        made = {record["discipline"] for record in (*done.kept, *done.rejected)}
        new = [node for node in self.disciplines if node[-1] not in made]
        if not new:
            return []
        return [
            Barrier("disciplines", partial(_disciplines, new)),
            Ask("list subjects", self._ask_for_subjects, _noted),
            Ask("subjects", self._ask_for_subject_rows, self._subjects, "helper"),
            Ask("plan", self._ask_for_syllabus, _noted),
            Ask("syllabus", self._ask_for_sessions, _sessions, "helper"),
            Each("choose", self._questions),
            Ask("question", self._ask_for_question, _asked),
            Ask("answer", self._ask_for_answer, _answered, "helper"),
        ]

    def files(self, done: Done) -> Mapping[str, Iterable[Record]]:
        return {"dataset": done.kept}

    def about(self, done: Done) -> Mapping[str, Any]:
        """Coverage: kept questions and subjects of each discipline."""
        questions = Counter(record["discipline"] for record in done.kept)
        subjects = Counter(name for name, _ in {(r["discipline"], r["subject"]) for r in done.kept})
        names = [node[-1] for node in self.disciplines]
        return {"coverage": {name: {"subjects": subjects[name], "questions": questions[name]} for name in names}}

    def forecast(self) -> Sequence[Load]:
        """With as many subjects as allowed, each with as many questions as wanted."""
        lists = len(self.disciplines) * self.config.subject_lists
        subjects = len(self.disciplines) * self.config.subjects
        questions = subjects * self.config.questions
        return (
            Load("teacher", lists, 100, 900),
            Load("helper", lists, 1000, 900),
            Load("teacher", subjects, 150, 1200),
            Load("helper", subjects, 1300, 1200),
            Load("teacher", questions, 500, 120),
            Load("helper", questions, 130, 300),
        )

    def _ask_for_subjects(self, record: Record, rng: Random) -> Sequence[Request]:
        prompt = text("glan_subjects").format(discipline=record["discipline"], path=" > ".join(record["path"]))
        return [_said(prompt, self.config.write, sample) for sample in range(self.config.subject_lists)]

    def _ask_for_subject_rows(self, record: Record, rng: Random) -> Sequence[Request]:
        return [_said(text("glan_subject_rows").format(text=note), self.config.structure) for note in record["notes"]]

    def _subjects(self, record: Record, replies: Sequence[Reply], rng: Random) -> Iterable[Record]:
        """Each subject once, whatever its spelling in the several lists; too many are drawn from."""
        found = [row for reply in replies for row in json_rows(reply.text, "subject")]
        yield from _broken(record, found)
        rows = [row for row in found if isinstance(row, dict)]
        subjects = {" ".join(str(row["subject"]).lower().split()): row for row in reversed(rows)}
        names = sorted(subjects)
        chosen = sorted(rng.sample(names, min(len(names), self.config.subjects)))
        for name in chosen:
            row = subjects[name]
            kept = {"path": record["path"], "discipline": record["discipline"]}
            about = {"level": str(row.get("level", "")), "subtopics": _texts(row.get("subtopics"))}
            yield record.child("subject", **kept, subject=str(row["subject"]).strip(), **about)

    def _ask_for_syllabus(self, record: Record, rng: Random) -> Sequence[Request]:
        topics = ", ".join(record["subtopics"]) or "your choice"
        named = {name: record[name] for name in ("discipline", "subject", "level")}
        return [_said(text("glan_syllabus").format(**named, topics=topics), self.config.write)]

    def _ask_for_sessions(self, record: Record, rng: Random) -> Sequence[Request]:
        return [_said(text("glan_session_rows").format(text=record["notes"][0]), self.config.structure)]

    def _questions(self, record: Record, rng: Random) -> Iterable[Record]:
        """One record for each choice of concepts."""
        sizes = [len(session["concepts"]) for session in record["sessions"]]
        for choice in choices(sizes, self.config.questions, self.config.across, self.config.concepts, rng):
            chosen = [_picked(record["sessions"][number], picked) for number, picked in choice]
            yield record.child("across" if len(choice) == 2 else "single", **record.content, chosen=chosen)

    def _ask_for_question(self, record: Record, rng: Random) -> Sequence[Request]:
        plan = "\n".join(f"- {session['session']}" for session in record["sessions"])
        chosen = "\n".join(f"- {one['session']}: {'; '.join(one['concepts'])}" for one in record["chosen"])
        named = {name: record[name] for name in ("discipline", "subject", "level")}
        return [_said(text("glan_question").format(**named, plan=plan, chosen=chosen), self.config.write)]

    def _ask_for_answer(self, record: Record, rng: Random) -> Sequence[Request]:
        return [_said(record["instruction"], self.config.answer)]


def read_taxonomy(path: Path | None) -> list[tuple[str, ...]]:
    """The disciplines, each as the path of names that leads to it. Raises UserError for a file of another shape."""
    try:
        shipped = resources.files("rlvr.data").joinpath("texts", "glan_taxonomy.toml")
        source = path.read_text() if path else shipped.read_text()
        tree = json.loads(source) if path and path.suffix == ".json" else tomllib.loads(source)
    except (OSError, ValueError) as error:
        raise UserError(f"taxonomy: {path}: cannot be read: {error}") from None
    found = list(_leaves(tree, ()))
    if twice := [name for name, count in Counter(node[-1] for node in found).items() if count > 1]:
        raise UserError(f"taxonomy: {path}: the discipline {twice[0]!r} stands in two places; names must differ")
    return found


def _leaves(tree: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(tree, dict):
        for name, below in tree.items():
            yield from _leaves(below, (*path, name))
    elif isinstance(tree, list) and all(isinstance(name, str) for name in tree):
        yield from ((*path, name) for name in tree)
    else:
        raise UserError(f"taxonomy: {' > '.join(path) or 'top'}: expected names or a list of disciplines, got {tree!r}")


def json_rows(reply: str, key: str) -> Iterator[dict[str, Any] | str]:
    """The JSON objects of a reply that have that key, in lines or lists or by themselves, and what is left of a line
    where one has a fault. Fences and other text are passed over."""
    decoder, at = json.JSONDecoder(), 0
    while (start := reply.find("{", at)) >= 0:
        try:
            row, at = decoder.raw_decode(reply, start)
        except json.JSONDecodeError:
            broken = reply[start:].partition("\n")[0]
            at = start + len(broken)
            yield broken
            continue
        if row.get(key):
            yield row
        elif "{" in reply[start + 1 : at]:
            at = start + 1  # an object around them
        else:
            yield reply[start:at]


def choices(sizes: Sequence[int], count: int, across: float, most: int, rng: Random) -> list[Choice]:
    """`count` different choices of concepts, `across` of them over two sessions; fewer only where there are no more.

    `sizes` says how many key concepts each session has; a question takes `most`, and of each session at least one.
    """
    double = _drawn(sizes, round(count * across), 2, most, rng)
    single = _drawn(sizes, count - len(double), 1, most, rng)
    if missing := count - len(double) - len(single):
        double = _drawn(sizes, len(double) + missing, 2, most, rng)
    return [*single, *double]


def _drawn(sizes: Sequence[int], count: int, sessions: int, most: int, rng: Random) -> list[Choice]:
    """So many different choices over so many sessions: drawn while that is quick, enumerated where few are left."""
    full = [number for number, size in enumerate(sizes) if size]
    if len(full) < sessions or most < sessions:
        return []
    found: dict[Choice, None] = {}
    in_vain = 0
    while len(found) < count and in_vain < TRIES:
        numbers = sorted(rng.sample(full, sessions))
        room = rng.randint(0, most - sessions)
        first = min(sizes[numbers[0]], 1 + (rng.randint(0, room) if sessions == 2 else room))
        taken = [first, min(sizes[numbers[1]], 1 + room - (first - 1))] if sessions == 2 else [first]
        picked = [tuple(sorted(rng.sample(range(sizes[n]), k))) for n, k in zip(numbers, taken, strict=True)]
        before = len(found)
        found.setdefault(tuple(zip(numbers, picked, strict=True)))
        in_vain = 0 if len(found) > before else in_vain + 1
    if len(found) == count:
        return list(found)
    rest = [choice for choice in _every(sizes, full, sessions, most) if choice not in found]
    return [*found, *rng.sample(rest, min(len(rest), count - len(found)))]


def _every(sizes: Sequence[int], full: Sequence[int], sessions: int, most: int) -> Iterator[Choice]:
    for numbers in combinations(full, sessions):
        parts = [[c for k in range(1, most + 1) for c in combinations(range(sizes[n]), k)] for n in numbers]
        for picked in product(*parts):
            if sum(map(len, picked)) <= most:
                yield tuple(zip(numbers, picked, strict=True))


def _picked(session: Mapping[str, Any], numbers: Sequence[int]) -> dict[str, Any]:
    return {"session": session["session"], "concepts": [session["concepts"][number] for number in numbers]}


def _disciplines(nodes: Sequence[tuple[str, ...]], records: Sequence[Record], rng: Random) -> Iterable[Record]:
    for node in nodes:
        yield Record({"path": list(node), "discipline": node[-1]}, source="taxonomy")


def _noted(record: Record, replies: Sequence[Reply], rng: Random) -> Iterable[Record]:
    """What the teacher wrote, for the helper to read."""
    yield record.update(notes=[reply.text for reply in replies])


def _sessions(record: Record, replies: Sequence[Reply], rng: Random) -> Iterable[Record]:
    found = list(json_rows(replies[0].text, "session"))
    yield from _broken(record, found)
    rows = [row for row in found if isinstance(row, dict) and _texts(row.get("concepts"))]
    sessions = [{"session": str(row["session"]), "concepts": _texts(row["concepts"])} for row in rows]
    content = {name: value for name, value in record.content.items() if name != "notes"}
    yield replace(record, content=content | {"sessions": sessions}).check("syllabus", len(sessions) > 0, len(sessions))


def _broken(record: Record, found: Iterable[dict[str, Any] | str]) -> Iterable[Record]:
    """What of the helper's rows could not be read, so that it is counted."""
    for row in found:
        if isinstance(row, str):
            yield record.child("row", discipline=record["discipline"], row=row).check("row", False)


def _asked(record: Record, replies: Sequence[Reply], rng: Random) -> Iterable[Record]:
    content = {name: value for name, value in record.content.items() if name != "sessions"}
    asked = replace(record, content=content | {"instruction": replies[0].text.strip()})
    asked = asked.check("whole", replies[0].finish_reason == "stop", replies[0].finish_reason)
    yield asked.check("not empty", asked["instruction"] != "")


def _answered(record: Record, replies: Sequence[Reply], rng: Random) -> Iterable[Record]:
    output = replies[0].text.strip()
    answered = record.update(output=output, messages=turns(record["instruction"], "", output))
    answered = answered.check("whole answer", replies[0].finish_reason == "stop", replies[0].finish_reason)
    yield answered.check("an answer", output != "")


def _texts(value: Any) -> list[str]:
    """A list of different texts, whatever the model made of it."""
    items = value if isinstance(value, list) else [value] if isinstance(value, str) else []
    return list(dict.fromkeys(str(item).strip() for item in items if str(item).strip()))


def _said(prompt: str, sampling: Sampling, sample: int = 0) -> Request:
    return Request(sampling, messages=[{"role": "user", "content": prompt}], sample=sample)
