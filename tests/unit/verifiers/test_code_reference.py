import pytest
from pydantic import ValidationError

from verifiers.code.reference import CodeReference

MBPP = {"test_list": ["assert f(1) == 1"]}
HUMANEVAL = {"prompt": "def f(x):\n", "test": "def check(candidate):\n    assert candidate(1) == 1", "entry_point": "f"}
CALLS = {"inputs": ["1\n[2, 3]", [1, [2, 3]]], "outputs": ["6", 6], "fn_name": "f"}
STREAMS = {"inputs": ["1 2\n", ["1", "2"]], "outputs": ["3\n", ["3"]]}
EVALPLUS = {"prompt": "", "canonical_solution": "def f(x): return x", "entry_point": "f", "base_input": [[1]]}


@pytest.mark.parametrize(
    ("reference", "kind", "count"),
    [
        (MBPP, "AssertTests", 1),
        (
            MBPP
            | {"challenge_test_list": ["assert f(2) == 2"], "test_setup_code": "x = 1", "test_imports": ["import re"]},
            "AssertTests",
            2,
        ),
        (["assert f(1) == 1"], "AssertTests", 1),
        ('{"test_list": ["assert f(1) == 1"]}', "AssertTests", 1),
        (HUMANEVAL, "CheckTests", 1),
        (HUMANEVAL | {"task_id": "HumanEval/0", "canonical_solution": "    return x"}, "CheckTests", 1),
        (CALLS, "InputOutputTests", 2),
        (STREAMS, "InputOutputTests", 2),
        (
            STREAMS | {"fn_name": None, "comparator": "tokens", "time_limit_s": 2, "memory_mb": 256},
            "InputOutputTests",
            2,
        ),
        (EVALPLUS | {"plus_input": [[2]], "test": "..."}, "OracleTests", 2),
    ],
)
def test_shapes(reference, kind, count):
    tests = CodeReference.model_validate(reference).root
    assert type(tests).__name__ == kind
    assert tests.count() == count
    assert CodeReference.model_validate(tests.model_dump(exclude_none=True)).root == tests


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ({}, "needs the keys of one shape"),
        (None, "needs the keys of one shape"),
        ("assert f(1) == 1", "must be JSON"),
        ({"test_list": []}, "at least 1 item"),
        ({"test_list": ["assert ("]}, "test_list is no valid Python"),
        (MBPP | {"comparater": "exact"}, "Extra inputs are not permitted"),
        (MBPP | {"comparator": "nearly"}, "Input should be 'exact'"),
        (MBPP | {"time_limit_s": 0}, "greater than 0"),
        (HUMANEVAL | {"test": "x = 1"}, "must define a function check"),
        (HUMANEVAL | {"entry_point": "f; import os"}, "match pattern"),
        ({"inputs": ["1"], "outputs": []}, "as many outputs as inputs"),
        ({"inputs": [1], "outputs": ["1"]}, "expected text or a list of lines"),
        ({"inputs": ["x"], "outputs": ["1"], "fn_name": "f"}, "expected one JSON value a line"),
        ({"inputs": [3], "outputs": ["1"], "fn_name": "f"}, "expected a list of arguments or JSON lines"),
        (STREAMS | {"comparator": "checker"}, "go together"),
        (STREAMS | {"language": "cobol"}, "language must be one of bash, cpp"),
        (MBPP | {"language": "cpp"}, "only programs on standard input"),
        (CALLS | {"language": "cpp"}, "a fn_name needs python"),
        (STREAMS | {"weights": [1]}, "weights must be 2 numbers"),
    ],
)
def test_wrong_shapes_say_what_is_wrong(reference, message):
    with pytest.raises(ValidationError, match=message):
        CodeReference.model_validate(reference)


def test_arguments_and_expected_values_of_calls():
    tests = CodeReference.model_validate(CALLS).root
    assert tests.arguments(0) == tests.arguments(1) == [1, [2, 3]]
    assert tests.expected(0) == tests.expected(1) == [6]


def test_outputs_wrapped_in_lists_of_one_may_be_bare():
    tests = CodeReference.model_validate({"inputs": [[1], [2]], "outputs": [[1], [2]], "fn_name": "f"}).root
    assert tests.expected(0) == [[1], 1]
    tests = CodeReference.model_validate({"inputs": [[1], [2]], "outputs": [[1], [2, 3]], "fn_name": "f"}).root
    assert tests.expected(0) == [[1]]


def test_the_schema_can_be_written():
    assert len(CodeReference.model_json_schema()["$defs"]) == 4
