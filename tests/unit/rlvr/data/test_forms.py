"""Rows of every published form are read as one of three."""

import json
from pathlib import Path

import pytest

from rlvr.data.forms import asked, formed, read
from rlvr.errors import UserError

USER, SAYS = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}
OTHER = {"role": "assistant", "content": "What?"}


@pytest.mark.parametrize(
    ("row", "form", "expected"),
    [
        ({"messages": [USER, SAYS], "id": "1"}, "conversation", {"messages": [USER, SAYS], "id": "1"}),
        ({"prompt": "Hi", "completion": "Hello"}, "conversation", {"messages": [USER, SAYS]}),
        ({"prompt": [USER], "completion": [SAYS]}, "conversation", {"messages": [USER, SAYS]}),
        ({"instruction": "Hi", "input": "", "output": "Hello"}, "conversation", {"messages": [USER, SAYS]}),
        (
            {"instruction": "Sum", "input": "1 2", "output": "3"},
            "conversation",
            {"messages": [{"role": "user", "content": "Sum\n\n1 2"}, {"role": "assistant", "content": "3"}]},
        ),
        (
            {"prompt": "Hi", "chosen": "Hello", "rejected": "What?", "source": "s"},
            "pair",
            {"prompt": [USER], "chosen": [SAYS], "rejected": [OTHER], "source": "s"},
        ),
        (
            {"prompt": "Hi", "chosen": [USER, SAYS], "rejected": [USER, OTHER]},
            "pair",
            {"prompt": [USER], "chosen": [SAYS], "rejected": [OTHER]},
        ),
        (
            {"chosen": [USER, SAYS, USER, OTHER], "rejected": [USER, SAYS, USER, SAYS]},
            "pair",
            {"prompt": [USER, SAYS, USER], "chosen": [OTHER], "rejected": [SAYS]},
        ),
        (
            {"prompt": "Hi", "verifier": "exact", "reference": "a"},
            "task",
            {"prompt": [USER], "verifier": "exact", "reference": "a"},
        ),
        (
            {"messages": [USER], "ground_truth": "72", "dataset": "gsm8k"},
            "task",
            {"prompt": [USER], "verifier": "math", "reference": "72", "params": None},
        ),
    ],
)
def test_forms(row: dict[str, object], form: str, expected: dict[str, object]) -> None:
    assert formed(row) == (form, expected)
    assert asked(row).startswith(("Hi", "Sum"))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({}, "got an empty row"),
        ({"title": "x"}, "got title"),
        ({"prompt": "Hi", "chosen": "same", "rejected": "same"}, "two responses that differ"),
        ({"prompt": [], "chosen": "a", "rejected": "b"}, "expected a prompt"),
        ({"messages": []}, "expected messages, got an empty list"),
        ({"messages": [{"content": "hi"}]}, "messages that each have a role; got .*hi"),
        ({"prompt": 5, "completion": "x"}, "expected a text, or messages"),
        ({"prompt": "x", "completion": ["y"]}, "messages that each have a role"),
        ({"prompt": 5, "verifier": "exact", "reference": "a"}, "got 5"),
        ({"instruction": 5, "output": "x"}, "expected texts for instruction and input, got"),
        ({"instruction": "x", "input": {"a": 1}, "output": "x"}, "expected texts for instruction and input, got"),
    ],
)
def test_what_has_no_form_is_refused(row: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        formed(row)


def test_the_row_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"prompt": "Hi", "completion": "Hello"}\n{"title": "x"}\n')
    with pytest.raises(UserError, match=rf"^{path}: row 2: expected messages; .*; got title$"):
        read(path)


def test_only_what_users_say_is_compared() -> None:
    system = {"role": "system", "content": "Be brief"}
    assert asked({"messages": [system, USER, SAYS, {"role": "user", "content": "Bye"}]}) == "Hi\nBye"
    assert asked({"question": "How many?", "answer": "3"}) == "How many?"
    assert json.dumps(asked({"problem": "x"})) == '"x"'
