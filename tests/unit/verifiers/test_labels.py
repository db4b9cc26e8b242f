import json
import time

import pytest

from verifiers import Item
from verifiers.labels import labelled, response_in, without_end

WHOLE = {"verifier": "code", "reference": {"test_list": ["assert f() == 1"]}, "params": {"scoring": "pass_rate"}}


def test_a_label_is_the_reference_of_the_verifier_that_is_named():
    assert labelled("r", "42", "math", "a") == Item("a", "math", "r", "42")
    assert labelled("r", 42, "numeric").reference == 42
    assert labelled("r", '{"answer": "4"}', "math").reference == {"answer": "4"}
    assert labelled("r", "{x | x > 0}", "math").reference == "{x | x > 0}"


@pytest.mark.parametrize("label", [WHOLE, json.dumps(WHOLE)])
def test_a_label_may_say_all_of_it(label):
    assert labelled("r", label, "math") == Item("", "code", "r", WHOLE["reference"], WHOLE["params"])


@pytest.mark.parametrize(
    ("text", "prompt", "response"),
    [
        ("<|im_start|>user\nQ<|im_end|>\nIt is 4.<|im_end|>\n", "<|im_start|>user\nQ<|im_end|>\n", "It is 4."),
        ("Q: 2+2? 4</s></s>", "Q: 2+2? ", "4"),
        ("<s>Q A<|eot_id|><pad><pad>", "Q ", "A"),
        ("end of a prompt " * 20 + "A", "beginning that was cut off " + "end of a prompt " * 20, "A"),
        ("Q Q again", "Q ", "Q again"),
        ("just this <|endoftext|>", "", "just this"),
        ("x < y and y > z", "", "x < y and y > z"),
    ],
)  # fmt: skip
def test_the_response_is_what_follows_the_prompt(text, prompt, response):
    assert response_in(text, prompt) == response


def test_a_text_without_its_prompt_is_no_answer():
    with pytest.raises(ValueError, match="a text must hold its prompt"):
        response_in("something else", "Q")


@pytest.mark.parametrize("text", [" \n" * 50_000 + "x", "<|a|>" * 20_000 + "x", "x" + "<pad> " * 50_000])
def test_long_ends_take_no_time(text):
    start = time.process_time()
    without_end(text)
    assert time.process_time() - start < 1.0
