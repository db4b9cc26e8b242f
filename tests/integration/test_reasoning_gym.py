"""The fence around the real scorers of reasoning-gym: the answers of every data set, and junk, in its interpreter."""

import json
import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PEERS = ROOT / ".venv-peers/bin/python"
JUDGE = r"""
import json
import reasoning_gym
from reasoning_gym.factory import DATASETS
from verifiers.gym import ReasoningGymVerifier
from verifiers.call import judge, prepare
verifier = ReasoningGymVerifier()
JUNK = ["", "junk", "31337 31337", "None", "a" * 1000, "[]", "{}", "True", "\x00", "<answer></answer>", "{answer}"]
for name in sorted(DATASETS):
    try:
        entry = json.loads(json.dumps(reasoning_gym.create_dataset(name, size=1, seed=1)[0], default=repr))
    except Exception as error:
        continue
    def score(text):
        return judge(prepare(verifier, text, entry, None)).score
    answer = entry["answer"]
    gold = score(str(answer)) if answer is not None else "no answer"
    longer = score(f"{answer} and more words of no use") if isinstance(answer, str) else 0.0
    junk = {text[:20]: score(text) for text in JUNK if text != answer}
    print("\nROW " + json.dumps([name, gold, junk, longer]), flush=True)
"""


@pytest.fixture(scope="module")
def judged():
    if not PEERS.exists():
        pytest.skip("no .venv-peers; `make .venv-peers/.ready` installs reasoning-gym beside the other graders")
    path = os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")])
    done = subprocess.run(
        [PEERS, "-c", JUDGE], capture_output=True, text=True, timeout=280, env=os.environ | {"PYTHONPATH": path}
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line[4:]) for line in done.stdout.splitlines() if line.startswith("ROW ")]


def test_every_data_set_can_be_judged(judged):
    assert len(judged) >= 90


def test_the_stored_answer_is_right(judged):
    """Or there is none. An entry that its own scorer does not pay is compared as text."""
    wrong = [name for name, gold, _, _ in judged if gold not in (1.0, "no answer")]
    assert wrong == []


def test_junk_is_never_paid(judged):
    """Not by a substring, not by `game_of_life_halting`, which pays anything. A `null` is an error, and masked."""
    paid = {name: {text: score for text, score in junk.items() if score} for name, _, junk, _ in judged}
    assert {name: texts for name, texts in paid.items() if texts} == {}


def test_a_text_that_holds_the_answer_is_paid_in_full_or_not_at_all(judged):
    """The base scorer of reasoning-gym pays by the length of the answer in the text; some others read it out of it."""
    assert {name: score for name, _, _, score in judged if score not in (0.0, 1.0)} == {}
    assert sum(score for *_, score in judged) <= 10
