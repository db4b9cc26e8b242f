"""A few judged responses for each built-in verifier: what its conformance check starts from, and what `show` can print.

A plug-in brings its own as the attribute `examples`, in the same form.
"""

from typing import Any, NamedTuple


class Example(NamedTuple):
    """A response whose score is known."""

    response: str
    reference: Any
    score: float
    params: dict[str, Any] | None = None


_ADD = {"test_list": ["assert add(1, 2) == 3", "assert add(2, 2) == 4"]}
_TWO = [{"verifier": "format", "params": {"tags": ["answer"]}}, {"verifier": "math", "reference": "1/2"}]
_WORDS = {
    "instruction_id_list": ["length_constraints:number_words"],
    "kwargs": [{"relation": "at least", "num_words": 3}],
}

EXAMPLES: dict[str, list[Example]] = {
    "exact": [
        Example("Paris", "Paris", 1.0),
        Example("paris", "Paris", 0.0),
        Example("paris", "Paris", 1.0, {"ignore_case": True}),
    ],
    "math": [Example(r"So \boxed{0.5}.", "1/2", 1.0), Example(r"\boxed{2}", "1/2", 0.0), Example("#### 3", "3", 1.0)],
    "code": [
        Example("```python\ndef add(a, b):\n    return a + b\n```", _ADD, 1.0),
        Example("```python\ndef add(a, b):\n    return 3\n```", _ADD, 0.0),
        Example("```python\ndef add(a, b):\n    return 3\n```", _ADD, 0.5, {"scoring": "pass_rate"}),
        Example("print(int(input()) + 1)", {"inputs": ["1\n", "2\n"], "outputs": ["2\n", "3\n"]}, 1.0),
    ],
    "instructions": [Example("one two three four", _WORDS, 1.0), Example("one two", _WORDS, 0.0)],
    "choice": [Example("The answer is (B).", "B", 1.0), Example("A, B, C or D", "B", 0.0), Example("C", "B", 0.0)],
    "numeric": [
        Example("The answer is 3.14.", 3.14, 1.0),
        Example("3.2", 3.14, 0.0),
        Example("3.2", 3.14, 1.0, {"rel_tol": 0.1}),
    ],
    "regex": [Example("2024-02-29", r"\d{4}-\d\d-\d\d", 1.0), Example("29 February", r"\d{4}-\d\d-\d\d", 0.0)],
    "json_schema": [Example('{"a": 1}', {"type": "object"}, 1.0), Example("[1]", {"type": "object"}, 0.0)],
    "format": [Example("<think>a</think><answer>b</answer>", {}, 1.0), Example("b", None, 0.0)],
    "all": [Example("<answer>0.5</answer>", _TWO, 1.0), Example("0.5", _TWO, 0.0)],
    "weighted": [Example("<answer>0.5</answer>", _TWO, 1.0), Example("0.5", _TWO, 0.5), Example("", _TWO, 0.0)],
    # Of `remote` and `judge` these ask a service, which has to answer as any sensible one would.
    "remote": [Example("4", "4", 1.0), Example("5", "4", 0.0)],
    "judge": [Example("The capital is Paris.", "Paris", 1.0), Example("It is Rome.", "Paris", 0.0)],
    "gate": [Example("<answer>0.5</answer>", _TWO, 1.0), Example("0.5", _TWO, 0.0)],
}
