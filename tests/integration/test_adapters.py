"""The reward functions for other trainers, called as these trainers call them, against the service over a socket."""

import asyncio
import importlib.util
import inspect
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from verifiers import adapters
from verifiers.adapters.ms_swift import reward
from verifiers.adapters.open_instruct import verifier_function
from verifiers.adapters.trl import reward_function
from verifiers.client import ServiceError

FOLDER = Path(adapters.__file__).parent
KEY = "k" * 32
BROKEN = {"verifier": "odd_inline", "reference": {}}
"""A label whose verifier does as the response says, and so can be told to fail."""


@pytest.fixture(scope="module")
def service(serving):
    with serving(RLVR_API_KEYS=f"{KEY} trainer") as (url, _):
        yield url


@pytest.fixture(autouse=True)
def told(service, monkeypatch):
    monkeypatch.setenv("RLVR_URL", service)
    monkeypatch.setenv("RLVR_API_KEY", KEY)


def loaded(file):
    """As trainers load a user's file: by its path."""
    spec = importlib.util.spec_from_file_location("users_file", FOLDER / file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_trl():
    function, logged = reward_function("math", label="answer"), {}
    assert inspect.iscoroutinefunction(function)
    assert function.__name__ == "rlvr_math"
    chat = [{"role": "assistant", "content": "\\boxed{5}"}]
    completions = ["\\boxed{4}", chat, "raise ValueError"]
    columns = {"prompts": ["p"] * 3, "answer": ["4", "4", BROKEN], "trainer_state": None}
    scores = asyncio.run(function(completions=completions, log_metric=logged.__setitem__, **columns))
    assert scores == [1.0, 0.0, None]
    assert logged == {"math/errors": 1 / 3}


def test_verl():
    compute_score = loaded("verl.py").compute_score

    def score(solution, label, **more):
        return asyncio.run(
            compute_score(data_source="d", solution_str=solution, ground_truth=label, extra_info={}, **more)
        )

    assert score("\\boxed{4}", "4") == {"score": 1.0, "acc": True, "reason": "string"}
    assert score("red", "red", verifier="exact")["score"] == 1.0
    with pytest.raises(ServiceError, match="no verdict: ValueError"):
        score("raise ValueError", BROKEN)


def test_openrlhf():
    reward_func = loaded("openrlhf.py").reward_func
    queries, prompts = (
        ["<|user|>Q<|a|>The answer is 4.<|end|>", "<|user|>R<|a|>5"],
        ["<|user|>Q<|a|>", "<|user|>R<|a|>"],
    )
    assert reward_func(queries, prompts, ["4", "4"]) == {
        "rewards": [1.0, 0.0],
        "scores": [1.0, 0.0],
        "extra_logs": {"correct": [1.0, 0.0]},
    }
    with pytest.raises(ServiceError, match="no verdict"):
        reward_func(["Qraise ValueError"], ["Q"], [BROKEN])


def test_ms_swift():
    orms = {"rlvr_math": reward("math")}
    call = orms["rlvr_math"]()
    assert call(["\\boxed{4}", "raise ValueError"], solution=["4", BROKEN], messages=[]) == [1.0, None]


def test_open_instruct():
    class VerifierFunction:
        """As far as its subclasses need it."""

        def __init__(self, name, weight=1.0, verifier_config=None):
            self.name, self.weight = name, weight

    @dataclass
    class VerificationResult:
        score: float
        cost: float = 0.0
        reasoning: str | None = None

    verifier_function(VerifierFunction, VerificationResult, "math")
    [found] = VerifierFunction.__subclasses__()
    verifier = found(None)
    assert verifier.name == "rlvr_math"
    assert asyncio.run(verifier.async_call([1], "\\boxed{4}", "4", "query")) == VerificationResult(
        1.0, reasoning="string"
    )
    with pytest.raises(ServiceError, match="no verdict"):
        asyncio.run(verifier.async_call([1], "raise ValueError", BROKEN, "query"))


def test_a_service_that_is_not_there_is_no_reward(monkeypatch):
    monkeypatch.setenv("RLVR_URL", "http://127.0.0.1:9")
    assert asyncio.run(reward_function("math", label="answer")(completions=["4"], answer=["4"])) == [None]
    with pytest.raises(ServiceError):
        loaded("openrlhf.py").reward_func(["Q4"], ["Q"], ["4"])


def test_no_adapter_is_longer_than_thirty_lines():
    assert {file.name: n for file in FOLDER.glob("*.py") if (n := len(file.read_text().splitlines())) > 30} == {}


def test_no_route_but_health_answers_without_a_key(service):
    document = httpx.get(f"{service}/openapi.json", headers={"Authorization": f"Bearer {KEY}"}).json()
    routes = [(method.upper(), path) for path, item in document["paths"].items() for method in item]
    assert len(routes) > 20
    answered = {route: httpx.request(route[0], f"{service}{route[1]}", timeout=60).status_code for route in routes}
    assert {path for (_, path), status in answered.items() if status != 401} == {"/healthz", "/readyz"}
