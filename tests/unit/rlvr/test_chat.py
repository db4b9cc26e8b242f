"""Conversations as tokens: what is trained on, what is cut, and that every stage sees the same prompt."""

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from rlvr.chat import IGNORED, encode_conversations, encode_prompts, messages_of
from verifiers import Task

USER = {"role": "user", "content": "What is 12 + 30?"}
ASSISTANT = {"role": "assistant", "content": "\\boxed{42}"}


@pytest.fixture
def tokenizer(tiny_model: Path) -> Any:
    return AutoTokenizer.from_pretrained(tiny_model)


def decoded(tokenizer: Any, ids: list[int], labels: list[int], trained: bool) -> str:
    text: str = tokenizer.decode([i for i, label in zip(ids, labels, strict=True) if (label != IGNORED) is trained])
    return text


def test_only_what_the_assistant_says_is_trained_on(tokenizer: Any) -> None:
    again = {"role": "user", "content": "Say two."}
    [encoded], dropped = encode_conversations(tokenizer, [[USER, ASSISTANT, again, ASSISTANT]], 1000)
    assert dropped == 0
    assert all(label in (IGNORED, id) for id, label in zip(encoded.ids, encoded.labels, strict=True))
    assert decoded(tokenizer, encoded.ids, encoded.labels, True) == "\\boxed{42}<|end|>" * 2
    given = "<|user|>What is 12 + 30?<|assistant|><|user|>Say two.<|assistant|>"
    assert decoded(tokenizer, encoded.ids, encoded.labels, False) == given


def test_a_prompt_has_the_same_ids_in_every_stage(tokenizer: Any) -> None:
    task = Task(id="t", prompt=[USER], verifier="math", reference="42")
    [prompt], _ = encode_prompts(tokenizer, [task], 1000)
    [encoded], _ = encode_conversations(tokenizer, [[USER, ASSISTANT]], 1000)
    assert list(prompt.ids) == encoded.ids[: len(prompt.ids)]
    assert encoded.labels[: len(prompt.ids)] == [IGNORED] * len(prompt.ids)
    assert encoded.labels[len(prompt.ids)] != IGNORED
    [plain], _ = encode_prompts(tokenizer, [task.model_copy(update={"prompt": USER["content"]})], 1000)
    assert plain.ids == prompt.ids
    assert messages_of("hello") == [{"role": "user", "content": "hello"}]


def test_long_conversations_are_cut_and_those_without_an_answer_dropped(tokenizer: Any) -> None:
    [whole], _ = encode_conversations(tokenizer, [[USER, ASSISTANT]], 1000)
    given = whole.labels.count(IGNORED)
    [cut], dropped = encode_conversations(tokenizer, [[USER, ASSISTANT]], given + 1)
    assert (cut.ids, cut.labels, dropped) == (whole.ids[: given + 1], whole.labels[: given + 1], 0)
    assert encode_conversations(tokenizer, [[USER, ASSISTANT], [USER]], given) == ([], 2)
    assert encode_conversations(tokenizer, [], given) == ([], 0)


def test_long_prompts_are_left_out_and_counted(tokenizer: Any) -> None:
    tasks = [Task(id=str(n), prompt="x" * n, verifier="exact", reference="A") for n in (3, 50, 5)]
    prompts, left_out = encode_prompts(tokenizer, tasks, 10)
    assert [prompt.task.id for prompt in prompts] == ["3", "5"]
    assert left_out == 1
    assert encode_prompts(tokenizer, [], 10) == ([], 0)


def test_what_a_template_cannot_do_is_said(tokenizer: Any) -> None:
    tokenizer.chat_template = "{{ messages | length }}{% for m in messages %}{{ m['content'] }}{% endfor %}"
    with pytest.raises(ValueError, match="renders earlier turns differently"):
        encode_conversations(tokenizer, [[USER, ASSISTANT]], 1000)
    tokenizer.chat_template = None
    with pytest.raises(ValueError, match="no chat template"):
        encode_prompts(tokenizer, [Task(id="t", prompt="p", verifier="exact", reference="A")], 1000)
