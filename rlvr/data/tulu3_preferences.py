"""Tulu 3's preference data: several models answer, a verifier or a judge decides."""

import re
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from random import Random
from statistics import fmean
from typing import NamedTuple

from rlvr.data import preferences
from rlvr.data.forms import read, user_text
from rlvr.data.prompts import text
from rlvr.data.record import Record
from rlvr.data.request import Reply, Request, Sampling
from rlvr.data.stage import Ask, Barrier, Each, Stage, gathered
from rlvr.errors import UserError
from verifiers import verify

ASPECTS = ("helpfulness", "instruction following", "honesty", "truthfulness")
MARK = re.compile(r"^\W*([a-z ]+?)\W*:\W*([1-5])\b", re.IGNORECASE | re.MULTILINE)


class Settings(NamedTuple):
    """Of a round of preferences."""

    models: tuple[str, ...]
    responses: int
    judged: bool
    """Whether there is a judge."""
    sampling: Sampling
    judging: Sampling


def role(model: str) -> str:
    return f"model {model}"


def drawn(path: Path, count: int, _: Sequence[Record], random: Random) -> Iterable[Record]:
    """So many prompts of the file, with their verifiers if they have any."""
    found = read(path)
    if len(found) < count:
        raise UserError(f"preferences.count: {count}, but {path} has {len(found)} rows")
    for form, row in random.sample(found, count):
        prompt = row["prompt"] if form != "conversation" else _opening(row["messages"])
        judged = {key: row.get(key) for key in ("verifier", "reference", "params")} if form == "task" else {}
        yield Record({"prompt": prompt, "responses": [], **judged}, source=str(row.get("source") or path.stem))


def _opening(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    """A conversation up to where the assistant first speaks."""
    ends = [number for number, turn in enumerate(messages) if turn["role"] == "assistant"]
    return messages[: ends[0]] if ends else messages


def stages(first: Barrier, clean: Barrier, settings: Settings) -> Sequence[Stage]:
    asks = [
        Ask(f"respond {name}", partial(_ask, settings.sampling, name), partial(_responded, name), role(name))
        for name in settings.models
    ]
    judge = [Ask("judge", partial(_ask_for_marks, settings.judging), _marked, "judge")] if settings.judged else []
    assigned = Each("models", partial(_assigned, settings))
    return [first, clean, assigned, *asks, *judge, gathered("responded"), Each("pair", _paired)]


def _assigned(settings: Settings, record: Record, random: Random) -> Iterable[Record]:
    """Which model answers how often: each once before any answers again."""
    order: list[str] = []
    while len(order) < settings.responses:
        order += random.sample(settings.models, len(settings.models))
    yield record.update(models=order[: settings.responses])


def _ask(sampling: Sampling, model: str, record: Record, random: Random) -> Sequence[Request]:
    return [Request(sampling, messages=record["prompt"], sample=n) for n in range(record["models"].count(model))]


def _responded(model: str, record: Record, replies: Sequence[Reply], random: Random) -> Iterable[Record]:
    said = [{"model": model, "text": reply.text.strip(), "whole": reply.finish_reason == "stop"} for reply in replies]
    yield record.update(responses=[*record["responses"], *said])


def _ask_for_marks(sampling: Sampling, record: Record, random: Random) -> Sequence[Request]:
    if record.content.get("verifier"):
        return []
    prompt = user_text(record["prompt"])
    asked = (text("tulu3_rate").format(prompt=prompt, response=one["text"]) for one in record["responses"])
    return [Request(sampling, messages=[{"role": "user", "content": content}]) for content in asked]


def _marked(record: Record, replies: Sequence[Reply], random: Random) -> Iterable[Record]:
    yield record.update(ratings=[rating(reply.text) for reply in replies]) if replies else record


def rating(said: str) -> float | None:
    """The mean of the four marks; None unless all four are there, once each."""
    marks = {name.strip().lower(): int(mark) for name, mark in MARK.findall(said)}
    return fmean(marks[name] for name in ASPECTS) if marks.keys() == set(ASPECTS) else None


def _paired(record: Record, random: Random) -> Iterable[Record]:
    responses = record["responses"]
    if record.content.get("verifier"):
        params = record["params"] or {}
        verdicts = [verify(record["verifier"], one["text"], record["reference"], **params) for one in responses]
        found = preferences.verified(responses, verdicts, [one["whole"] for one in responses], random)
        by, scores = f"verifier {record['verifier']}", [verdict.score for verdict in verdicts]
    else:
        by, scores = "judge", record.content.get("ratings") or [None] * len(responses)
        found = preferences.rated(responses, scores, random)
    if found is None:
        return [record.check("one response is better than another", False, scores)]
    chosen, rejected = ([{"role": "assistant", "content": one["text"]}] for one in found)
    pair = record.child("pair", prompt=record["prompt"], chosen=chosen, rejected=rejected, by=by, scores=scores)
    return [pair.update(chosen_model=found[0]["model"], rejected_model=found[1]["model"])]
