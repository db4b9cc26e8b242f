"""Other graders of mathematics over the same cases: Math-Verify, and the string graders that trainers ship.

Each runs in an interpreter that has it installed, which need not be ours, with the settings that its own users have. A
peer sees what it expects: the reference in a box, and a bare answer in a box too.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from verifiers.bench.cases import Case
from verifiers.bench.clocked import converse
from verifiers.bench.report import PeerReport

HEAD = r"""
import importlib.util, json, logging, pathlib, sys, time
logging.disable(logging.CRITICAL)
def module(package, path):
    folder = importlib.util.find_spec(package).submodule_search_locations[0]
    spec = importlib.util.spec_from_file_location("peer", pathlib.Path(folder) / path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found
"""
TAIL = r"""
print("ready", flush=True)
for line in sys.stdin:
    row = json.loads(line)
    start = time.process_time()
    try:
        score = float(judge(row["gold"], row["answer"]))
    except Exception:
        score = 0.0
    print(json.dumps([score, time.process_time() - start]), flush=True)
"""
MATH_VERIFY = r"""
from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify
configs = [LatexExtractionConfig(boxed_match_priority=0), ExprExtractionConfig()]
def judge(gold, answer):
    return verify(parse("\\boxed{" + gold + "}", extraction_config=configs), parse(answer, extraction_config=configs))
judge("1", "\\boxed{1}")
"""
HENDRYCKS = r"""
grader = module("verl", "utils/reward_score/math_reward.py")
def judge(gold, answer):
    return grader.compute_score(answer, gold)
"""
DAPO = r"""
grader = module("verl", "utils/reward_score/math_dapo.py")
def judge(gold, answer):
    return grader.compute_score("Answer: " + answer if answer.startswith("\\boxed") else answer, gold)["acc"]
"""
SCRIPTS = {
    "Math-Verify": ("math_verify", MATH_VERIFY),
    "Hendrycks (verl)": ("verl", HENDRYCKS),
    "DAPO (verl)": ("verl", DAPO),
}
"""Label -> the import name of the package, and the source that defines `judge(gold, answer)`."""
FIND = "import importlib.util as u, json, sys; print(json.dumps([n for n in sys.argv[1:] if u.find_spec(n)]))"


class Peer(NamedTuple):
    """A grader and the interpreter that has it."""

    label: str
    python: str


def installed(python: str = sys.executable) -> list[Peer]:
    """The peers that an interpreter has. Raises ValueError when it is no interpreter."""
    packages = sorted({package for package, _ in SCRIPTS.values()})
    try:
        done = subprocess.run([python, "-c", FIND, *packages], capture_output=True, text=True, check=True, timeout=60)
        found = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise ValueError(f"{python} is no Python interpreter that answers: {error}") from None
    return [Peer(label, python) for label, (package, _) in SCRIPTS.items() if package in found]


def answer_of(reference: Any) -> str | None:
    """The right answer as text, where a reference is one."""
    if isinstance(reference, dict):
        reference = reference.get("answer")
    if isinstance(reference, bool) or not isinstance(reference, (str, int, float)):
        return None
    return str(reference)


def rate(peer: Peer, cases: Sequence[Case]) -> PeerReport:
    """The peer on the cases. Raises ValueError for a case whose reference is no answer."""
    rows = []
    for case in cases:
        gold = answer_of(case.reference)
        if gold is None:
            raise ValueError(f"{peer.label} compares answers; the reference of {case.id} is none")
        rows.append({"gold": gold, "answer": f"\\boxed{{{case.response}}}" if case.bare else case.response})
    script = HEAD + SCRIPTS[peer.label][1] + TAIL
    return PeerReport.of(cases, converse([peer.python, "-c", script], rows))
