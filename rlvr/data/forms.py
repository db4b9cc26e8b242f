"""The forms that instruction data come in, and the three that training reads: conversations, pairs, tasks.

A conversation has `messages`; a pair has `prompt`, `chosen` and `rejected` as messages; a task has `prompt`, `verifier`
and `reference`. Prompt with completion, instruction with output, preferences with the prompt inside, and Tulu's
`ground_truth` layout are read as these. What else a row has goes along.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from rlvr.errors import UserError
from rlvr.tasks import rows, tulu3
from rlvr.tasks.base import parse

Form = Literal["conversation", "pair", "task"]
Row = dict[str, Any]

KEYS: dict[Form, tuple[str, ...]] = {
    "conversation": ("messages",),
    "pair": ("prompt", "chosen", "rejected"),
    "task": ("prompt", "verifier", "reference", "params"),
}
KNOWN = (
    "messages; prompt + completion; instruction (+ input) + output; prompt + chosen + rejected; "
    "prompt + verifier + reference; or messages + ground_truth + dataset"
)


def read(path: Path) -> list[tuple[Form, Row]]:
    """Every row of a file with its form. Raises UserError for a row that has none."""
    return [_of_file(path, number, row) for number, row in rows.from_file(path)]


def _of_file(path: Path, number: int, row: Mapping[str, Any]) -> tuple[Form, Row]:
    try:
        return formed(row)
    except ValueError as error:
        raise UserError(f"{path}: row {number}: {error}") from None


def formed(row: Mapping[str, Any]) -> tuple[Form, Row]:
    """The row's form, and the row in it. Raises ValueError."""
    has = {key for key, value in row.items() if value is not None}
    if {"messages", "ground_truth", "dataset"} <= has:
        task = tulu3.build(parse(tulu3.Tulu3Row, row, "Tulu's layout"), str(row.get("id", ""))).task
        return "task", _more(row, "messages", "ground_truth", "dataset") | task.model_dump(exclude={"id", "source"})
    if "messages" in has:
        if not (messages := turns(row["messages"])):
            raise ValueError("expected messages, got an empty list")
        return "conversation", {**row, "messages": messages}
    if {"chosen", "rejected"} <= has:
        return "pair", _pair(row)
    if "verifier" in has and "prompt" in has:
        return "task", {**row, "prompt": turns(row["prompt"])}
    if {"prompt", "completion"} <= has:
        said = [*turns(row["prompt"]), *turns(row["completion"], "assistant")]
        return "conversation", {"messages": said} | _more(row, "prompt", "completion")
    if {"instruction", "output"} <= has:
        parts = [part for part in (row["instruction"], row.get("input")) if part]
        if not all(isinstance(part, str) for part in parts):
            raise ValueError(f"expected texts for instruction and input, got {rows.short(parts)}")
        said = [*turns("\n\n".join(parts)), *turns(row["output"], "assistant")]
        return "conversation", {"messages": said} | _more(row, "instruction", "input", "output")
    raise ValueError(f"expected {KNOWN}; got {', '.join(row) or 'an empty row'}")


def _pair(row: Mapping[str, Any]) -> Row:
    """Also of the layout where both sides begin with the prompt, as in Tulu's preference sets."""
    chosen, rejected = (turns(row[key], "assistant") for key in ("chosen", "rejected"))
    shared = 0
    while shared < min(len(chosen), len(rejected)) and chosen[shared] == rejected[shared]:
        shared += 1
    if chosen and chosen[0].get("role") != "assistant":
        prompt, chosen, rejected = chosen[:shared], chosen[shared:], rejected[shared:]
    else:
        prompt = turns(row.get("prompt") or [])
    if not (prompt and chosen and rejected) or chosen == rejected:
        raise ValueError("expected a prompt and two responses that differ")
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected} | _more(row, "prompt", "chosen", "rejected")


def turns(value: Any, role: str = "user") -> list[dict[str, Any]]:
    """Chat messages as they are; a text as one message of that role. Raises ValueError for anything else."""
    if isinstance(value, str):
        return [{"role": role, "content": value}]
    known = isinstance(value, list | tuple) and all(isinstance(turn, Mapping) for turn in value)
    if not known or not all(isinstance(turn.get("role"), str) for turn in value):
        raise ValueError(f"expected a text, or messages that each have a role; got {rows.short(value)}")
    return [dict(turn) for turn in value]


def _more(row: Mapping[str, Any], *used: str) -> Row:
    return {key: value for key, value in row.items() if key not in used}


PLAIN = ("question", "problem", "instruction", "text", "prompt")
"""Columns that hold the text of rows in no known form."""


def asked(row: Mapping[str, Any]) -> str:
    """What users say in the row: the text that duplicates and contamination are looked for in. Raises ValueError."""
    try:
        _, known = formed(row)
    except ValueError:
        plain = next((text for name in PLAIN if isinstance(text := row.get(name), str) and text), None)
        if plain is None:
            raise
        return plain
    return user_text(known.get("messages") or known["prompt"])


def user_text(messages: Any) -> str:
    """What the user says in a prompt or a conversation."""
    said = [turn.get("content") for turn in turns(messages) if turn.get("role") == "user"]
    return "\n".join(text for text in said if isinstance(text, str))
