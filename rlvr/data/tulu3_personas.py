"""Tulu 3's persona data: a prompt, a response, and for constrained prompts a check and a rejected response."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Literal

from rlvr.data import constraints
from rlvr.data.prompts import text
from rlvr.data.record import Record
from rlvr.data.request import Reply, Request, Sampling
from rlvr.data.stage import Ask, Barrier, Each, Stage, gathered
from rlvr.errors import UserError
from rlvr.tasks import rows
from verifiers import verify

Skill = Literal["math", "grade_math", "algebra", "code", "instructions"]
INSTRUCTIONS: Skill = "instructions"


def drawn(
    path: Path, prompts: Mapping[Skill, int], licence: str, _: Sequence[Record], random: Random
) -> Iterable[Record]:
    """A persona for each prompt to be written; all of them before any comes again."""
    personas = []
    for number, row in rows.from_file(path):
        if not isinstance(row.get("persona"), str):
            raise UserError(f"{path}: row {number}: expected a text `persona`, got {', '.join(row)}")
        personas.append(row["persona"])
    for skill, count in prompts.items():
        order = random.sample(personas, len(personas))
        for number in range(count):
            yield Record(
                {"skill": skill, "persona": order[number % len(order)]}, source=f"persona:{skill}", licence=licence
            )


def stages(first: Barrier, clean: Barrier, most: int, sampling: Sampling) -> Sequence[Stage]:
    return [
        first,
        Ask("write", partial(_ask_for_prompt, sampling), _written, "writer"),
        Each("constrain", partial(_constrained, most)),
        clean,
        Ask("answer", partial(_ask, sampling, "prompt"), _answered, "writer"),
        gathered("answered"),
        Each("verify", _verified),
        gathered("verified"),
        Ask("relax", partial(_ask, sampling, "relaxed"), _relaxed, "writer"),
        gathered("relaxed"),
        Each("pair", _paired),
    ]


def _ask_for_prompt(sampling: Sampling, record: Record, random: Random) -> Sequence[Request]:
    content = text(f"tulu3_{record['skill']}").format(persona=record["persona"])
    # The same persona comes again for another prompt, which is to be sampled anew.
    return [Request(sampling, messages=[_user(content)], sample=record.sample)]


def _written(record: Record, replies: Sequence[Reply], random: Random) -> Iterable[Record]:
    [reply] = replies
    found = record.update(prompt=reply.text.strip()).check("prompt whole", reply.finish_reason == "stop")
    return [found.check("prompt not empty", bool(reply.text.strip()))]


def _constrained(most: int, record: Record, random: Random) -> Iterable[Record]:
    """With constraints where the skill is to follow them, and the prompt without one of these."""
    if record["skill"] != INSTRUCTIONS:
        yield record.update(prompt=[_user(record["prompt"])])
        return
    chosen = constraints.draw(random.randint(1, most), random)
    left_out = random.randrange(len(chosen))
    fewer = [constraint for number, constraint in enumerate(chosen) if number != left_out]
    yield record.update(
        prompt=[_user(constraints.told(record["prompt"], chosen))],
        relaxed=[_user(constraints.told(record["prompt"], fewer))],
        reference=constraints.reference(chosen),
        left_out=chosen[left_out].id,
    )


def _ask(sampling: Sampling, key: str, record: Record, random: Random) -> Sequence[Request]:
    return [Request(sampling, messages=record[key])] if key in record.content else []


def _answered(record: Record, replies: Sequence[Reply], random: Random) -> Iterable[Record]:
    [reply] = replies
    said = record.update(response=reply.text.strip())
    said = said.check("response whole", reply.finish_reason == "stop", reply.finish_reason)
    return [said.check("response not empty", bool(reply.text.strip()))]


def _verified(record: Record, random: Random) -> Iterable[Record]:
    if "reference" not in record.content:
        return [record]
    return [record.check("constraints", _holds(record, record["response"]))]


def _holds(record: Record, response: str) -> bool:
    return verify(INSTRUCTIONS, response, record["reference"]).status == "correct"


def _relaxed(record: Record, replies: Sequence[Reply], random: Random) -> Iterable[Record]:
    return [record.update(relaxed_response=reply.text.strip()) for reply in replies] or [record]


def _paired(record: Record, random: Random) -> Iterable[Record]:
    """The conversation; and of a constrained prompt the task, and the pair if the other response really fails."""
    prompt, response = record["prompt"], [{"role": "assistant", "content": record["response"]}]
    names = {name: record[name] for name in ("skill", "persona")}
    yield record.child("sft", messages=[*prompt, *response], **names)
    if "reference" in record.content:
        yield record.child("task", prompt=prompt, verifier=INSTRUCTIONS, reference=record["reference"], **names)
        other = record["relaxed_response"]
        rejected = [{"role": "assistant", "content": other}]
        found = record.child("pair", prompt=prompt, chosen=response, rejected=rejected, **names)
        found = found.update(left_out=record["left_out"])
        yield found.check("rejected response fails", bool(other) and not _holds(record, other))


def _user(content: str) -> dict[str, str]:
    return {"role": "user", "content": content}
