"""The protocols that ask for rewards, in the bytes that their clients send and read."""

import base64
import json
import pickle
import zlib

import pytest

ADD = "def add(a, b):\n    return a + b\n"
ASSERTS = ["assert add(1, 2) == 3", "assert add(-1, 1) == 0", "assert add(0, 0) == 1"]
STDIO = [{"input": "1\n", "output": "2\n"}, {"input": "100\n", "output": "7\n"}]


def packed(tests):
    return base64.b64encode(zlib.compress(pickle.dumps(tests))).decode()


def ask(service, path, body, status=200):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = service.post(path, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    return answer


def post(service, path, body, status=200):
    return ask(service, path, body, status).json()


@pytest.mark.parametrize("tests", [ASSERTS, json.dumps(ASSERTS), packed(ASSERTS)], ids=["list", "json", "packed"])
def test_test_program_as_open_instruct_sends_it(service, tests):
    answer = post(service, "/test_program", {"program": ADD, "tests": tests, "max_execution_time": 1.0})
    assert answer["results"] == [1, 1, 0]
    assert [seconds >= 0 for seconds in answer["runtimes"]] == [True, True, False]
    assert answer["runtimes"][2] == -1.0


@pytest.mark.parametrize("tests", [STDIO, packed(STDIO)], ids=["list", "packed"])
def test_test_program_stdio(service, tests):
    program = "# reads, adds one\nimport sys\nfor line in sys.stdin: print(int(line) + 1)"
    body = {"program": program, "tests": tests, "max_execution_time": 1.0}
    assert post(service, "/test_program_stdio", body)["results"] == [1, 0]
    named = [{"input": "1\n2", "output": "3", "fn_name": "add"}]
    assert post(service, "/test_program_stdio", {"program": ADD, "tests": named})["results"] == [1]
    assert service.get("/health").json() == {"status": "healthy"}


@pytest.mark.parametrize(
    "program",
    ["import os; os._exit(0)", "raise SystemExit", "while True: pass", "def add(:", "```", "", "~~~~~~~~~~~~"],
)
def test_a_program_that_does_nothing_passes_nothing(service, program):
    body = {"program": program, "tests": ASSERTS[:2], "max_execution_time": 0.5}
    assert post(service, "/test_program", body) == {"results": [0, 0], "runtimes": [-1.0, -1.0]}


@pytest.mark.parametrize("tests", [[], "", None, "[]"])
def test_no_tests_no_results(service, tests):
    assert post(service, "/test_program", {"program": ADD, "tests": tests}) == {"results": [], "runtimes": []}


@pytest.mark.parametrize("tests", ["junk", "3", {"a": 1}, [3], ["assert ("], STDIO])
def test_tests_that_nobody_can_read_are_no_zero(service, tests):
    assert post(service, "/test_program", {"program": ADD, "tests": tests}, 422)["detail"]


def test_more_tests_than_a_verdict_lists(service):
    tests = [f"assert add({n}, 1) == {n + 1}" for n in range(150)]
    assert post(service, "/test_program", {"program": ADD, "tests": tests})["results"] == [1] * 150


def test_get_reward_as_openrlhf_sends_it(service):
    prompt = "<|im_start|>user\\nWhat is 2+2?<|im_end|>\\n<|im_start|>assistant\\n"
    body = f'{{"query": ["{prompt}The answer is 4.<|im_end|>"], "prompts": ["{prompt}"], "labels": ["4"]}}'.encode()
    logs = {"correct": [1.0], "no_answer": [0.0]}
    assert post(service, "/get_reward", body) == {"rewards": [1.0], "scores": [1.0], "extra_logs": logs}
    code = {"verifier": "code", "reference": {"test_list": ASSERTS[:2]}}
    many = {"query": ["Q 5", f"Q\n```python\n{ADD}```"], "prompts": ["Q", "Q"], "labels": ["4", json.dumps(code)]}
    assert post(service, "/get_reward", many)["rewards"] == [0.0, 1.0]
    exact = {"query": ["Q red</s>"], "prompts": ["Q"], "labels": ["red"]}
    assert post(service, "/get_reward?verifier=exact", exact)["rewards"] == [1.0]
    nothing = {"query": [], "prompts": [], "labels": []}  # the share of a second server
    assert post(service, "/get_reward", nothing)["rewards"] == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"labels": []}, 422),
        ({"prompts": ["R"]}, 422),
        ({"labels": [{"verifier": "nobody", "reference": 1}]}, 404),
        ({"labels": [{"verifier": "exact", "reference": 3}]}, 422),
    ],
)
def test_a_batch_that_cannot_be_judged_is_no_zero(service, change, status):
    body = {"query": ["Q 5"], "prompts": ["Q"], "labels": ["4"]} | change
    assert "rewards" not in post(service, "/get_reward", body, status)


def test_remote_rm_as_slime_sends_it(service):
    body = {"prompt": "What is 2+2?", "response": "It is \\boxed{4}.", "label": "4"}
    assert ask(service, "/remote_rm", body).content == b"1.0"
    assert ask(service, "/remote_rm", body | {"label": "5"}).content == b"0.0"
    verdict = post(service, "/remote_rm?verdict=true", body | {"prompt": [{"role": "user", "content": "Q"}]})
    assert (verdict["score"], verdict["status"], verdict["verifier"]) == (1.0, "correct", "math")
    assert post(service, "/remote_rm?verifier=exact", {"response": "red", "label": "red"}) == 1.0
    post(service, "/remote_rm?verifier=nobody", body, 404)


def test_score_evaluation_as_llama_factory_sends_it(service):
    asked = "<|im_start|>user\nWhat is 2+2, and please show how you came to it?<|im_end|>\n<|im_start|>assistant\n"
    colour = "<|start_header_id|>user<|end_header_id|>\n\nName a colour.<|eot_id|>assistant\nred<|eot_id|><|pad|>"
    body = {"model": "model", "messages": [f"{asked}The answer is 4.<|im_end|>", f"{asked}The answer is 5.", colour]}
    answer = post(service, "/v1/score/evaluation", body)
    assert answer == {
        "id": "scoreeval-default",
        "object": "score.evaluation",
        "model": "model",
        "scores": [1.0, 0.0, 1.0],
    }
    found = post(service, "/v1/score/evaluation", {"model": "model", "messages": ["a question of nobody's"]}, 422)
    assert found["type"] == "no-label"


def message(text):
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"id": "m", "type": "message", "role": "assistant", "status": "completed", "content": [part]}


@pytest.mark.parametrize(
    ("row", "text", "reward"),
    [
        ({"question": "2+2?", "expected_answer": "4"}, "It is \\boxed{4}.", 1.0),
        ({"question": "2+2?", "expected_answer": "4"}, "It is \\boxed{5}.", 0.0),
        (
            {"verifier_metadata": {"unit_tests": {"inputs": ["1\n"], "outputs": ["2\n"]}}},
            "```python\nprint(int(input()) + 1)\n```",
            1.0,
        ),
        (
            {"verifier_metadata": {"unit_tests": {"inputs": ["1\n2"], "outputs": ["3"], "fn_name": "add"}}},
            f"```python\n{ADD}```",
            1.0,
        ),
        (
            {
                "instruction_id_list": ["length_constraints:number_words"],
                "kwargs": [{"relation": "at least", "num_words": 3}],
                "prompt": "Write.",
            },
            "one two",
            0.0,
        ),
        ({"verifier": "exact", "reference": "red"}, "red", 1.0),
    ],
)
def test_verify_as_nemo_gym_sends_it(service, row, text, reward):
    reasoning = {"id": "r", "type": "reasoning", "summary": []}
    body = {
        "responses_create_params": {"input": [{"role": "user", "content": "Q"}]},
        "response": {"id": "x", "object": "response", "output": [reasoning, message("at first"), message(text)]},
        **row,
    }
    answer = post(service, "/verify", body)
    assert answer.pop("reward") == reward
    answer.pop("extracted_answer")
    assert answer == body


def test_the_other_routes_of_nemo_gym(service):
    assert post(service, "/seed_session", {}) == {}
    assert service.get("/reverify_mode").json() == "stateless"
    body = {"responses_create_params": {}, "response": {"output": []}}
    assert "reward" not in post(service, "/verify", body, 422)
    assert post(service, "/verify", body | {"expected_answer": "4"})["reward"] == 0.0
