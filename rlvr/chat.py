"""Conversations as token ids, in one place for every stage, so that training and sampling see the same tokens.

The chat template draws the line between what is given and what the assistant says; only the latter is trained on. Both
sides are tokenised apart, so a prompt has the same ids in SFT, DPO, RL and evaluation.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rlvr.samples import Prompt
from verifiers import Task

Messages = Sequence[dict[str, Any]]

IGNORED = -100
"""The label of a token that is not trained on, by PyTorch's convention."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A conversation as ids, and which of them are the assistant's."""

    ids: list[int]
    labels: list[int]


def messages_of(prompt: str | Messages) -> Messages:
    return [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt


def encode_prompts(tokenizer: Any, tasks: Sequence[Task], max_tokens: int) -> tuple[list[Prompt], int]:
    """Prompts that open the assistant's turn, and how many tasks were left out because theirs is too long."""
    texts = [_render(tokenizer, messages_of(task.prompt), opening=True) for task in tasks]
    encoded = _encode(tokenizer, texts)
    prompts = [Prompt(task, tuple(ids)) for task, ids in zip(tasks, encoded, strict=True) if len(ids) <= max_tokens]
    return prompts, len(tasks) - len(prompts)


def encode_conversations(
    tokenizer: Any, conversations: Iterable[Messages], max_tokens: int | None = None
) -> tuple[list[Encoded], int]:
    """Conversations cut at `max_tokens`, and how many were dropped because no assistant token was left."""
    pieces = [_pieces(tokenizer, messages) for messages in conversations]
    encoded = iter(_encode(tokenizer, [text for conversation in pieces for text, _ in conversation]))
    kept, dropped = [], 0
    for conversation in pieces:
        ids: list[int] = []
        labels: list[int] = []
        for _, trained in conversation:
            piece = next(encoded)
            ids += piece
            labels += piece if trained else [IGNORED] * len(piece)
        labels = labels[:max_tokens]
        if any(label != IGNORED for label in labels):
            kept.append(Encoded(ids[:max_tokens], labels))
        else:
            dropped += 1
    return kept, dropped


def _pieces(tokenizer: Any, messages: Messages) -> list[tuple[str, bool]]:
    """The rendered conversation, cut where the assistant begins and ends. True: the assistant's."""
    pieces, done = [], ""
    for turn, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        before = _render(tokenizer, messages[:turn], opening=True)
        after = _render(tokenizer, messages[: turn + 1], opening=False)
        if not before.startswith(done) or not after.startswith(before):
            raise ValueError(
                "this chat template renders earlier turns differently once a later one is there, so that the trained "
                "tokens cannot be told apart; use one assistant turn a row, or another template"
            )
        pieces += [(before[len(done) :], False), (after[len(before) :], True)]
        done = after
    return pieces


def _render(tokenizer: Any, messages: Messages, opening: bool) -> str:
    if tokenizer.chat_template is None:
        raise ValueError("the tokenizer has no chat template; set `chat_template` in its tokenizer_config.json")
    text: str = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=opening)
    return text


def _encode(tokenizer: Any, texts: list[str]) -> list[list[int]]:
    """No special tokens are added: the template has written those it wants. What is there often is encoded once."""
    distinct = list(dict.fromkeys(texts))
    ids = tokenizer(distinct, add_special_tokens=False)["input_ids"] if distinct else []
    encoded = dict(zip(distinct, ids, strict=True))
    return [encoded[text] for text in texts]
