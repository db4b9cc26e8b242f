"""Reward clients that others wrote, against the service."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
KEY = "k" * 32
MANY = [str(n) for n in range(80)]
ADD = "def add(a, b):\n    return a + b\n"


def test_verl(url, told):
    cases = [
        {"code": "print(int(input()) + 1)", "inputs": ["1\n", "2\n"], "outputs": ["2\n", "3"]},
        {"code": "print(int(input()) + 1)", "inputs": ["1", "2"], "outputs": ["2", "4"]},
        {"code": "raise ValueError", "inputs": [""], "outputs": [""]},
        {"code": "while True: pass", "inputs": [""], "outputs": [""], "timeout": 1},
        {"code": ADD, "inputs": ["1\n2", "[1]\n[2]"], "outputs": ["3", "[1, 2]"], "fn_name": "add"},
        {"code": "int main() { return x; }", "inputs": [""], "outputs": [""], "language": "cpp"},
        # More than the machine takes at once: each waits for its turn, and none is refused.
        {"code": "s = sum(range(10**6)); print(input())", "inputs": MANY, "outputs": MANY},
    ]  # fmt: skip
    answers = told("verl_cases.py", url, json.dumps(cases))
    assert [answer["results"] for answer in answers] == [
        [True, True],
        [True, False],
        [-2],
        [-3],
        [True, True],
        [-4],
        [True] * 80,
    ]
    assert {error for answer in answers for error in answer["errors"]} == {None}


def test_sandbox_fusion(url, told):
    found = told("fusion.py", url)
    assert found.pop("many") == [f"{n**2}\n" for n in range(100)]
    assert found.pop("broken cpp")[1][1] == 1
    assert found == {
        "ok": ["Success", None, ["Finished", 0, "hi\n", False], {}],
        "files": ["Success", None, ["Finished", 0, "", False], {"b": "in\n"}],
        "wrong": ["Failed", None, ["Finished", 1, "", True], {}],
        "slow": ["Failed", None, ["TimeLimitExceeded", None, "", False], {}],
        "cpp": ["Success", ["Finished", 0, None, False], ["Finished", 0, "hi\n", False], {}],
        "async": ["Success", None, ["Finished", 0, "3\n", False], {}],
    }


def test_clients_that_know_nothing_but_a_url_bring_their_key_in_it(tmp_path, serving, told, foreign):
    (tmp_path / "keys").write_text(f"{KEY} verl\n")
    with serving("--api-key-file", tmp_path / "keys") as (url, _):
        case = json.dumps([{"code": "print(1)", "inputs": [""], "outputs": ["1"]}])
        with_key = url.replace("//", f"//any:{KEY}@")
        assert told("verl_cases.py", with_key, case)[0]["results"] == [True]
        assert "401" in told("verl_cases.py", url, case)[0]["errors"][0]
        assert told("fusion.py", with_key)["ok"][0] == "Success"


def test_trl_trains_on_our_rewards(url, tmp_path):
    command = [sys.executable, Path(__file__).parent / "clients/trl_steps.py", url, tmp_path]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["steps"], told["completions"]) == (4, 32)
    rewards = [log["rewards/rlvr_regex/mean"] for log in told["logs"]]
    assert all(0.0 <= reward <= 1.0 for reward in rewards)
    assert any(log["reward_std"] > 0 for log in told["logs"])
    assert {log["regex/errors"] for log in told["logs"]} == {0.0}
