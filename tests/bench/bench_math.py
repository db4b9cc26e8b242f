"""The math verifier on labelled cases: accuracy by category, speed per CPU second, and Math-Verify beside it.

    bench_math.py [--cases FILE] [--peer PYTHON]

Cases are JSONL rows `{gold, answer, equal, category, mode}`, where mode `response` is a whole response and `answer` a
bare answer. Without a file they are `math_cases/dev.jsonl` below RLVR_TEST_DATA, else the table of the unit tests. The
peer is an interpreter with math-verify installed; both run over the same cases, each in its own process.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from measure import report

Case = dict[str, Any]
TABLE = Path(__file__).parents[1] / "unit/verifiers/test_math_cases.txt"

PEER = r"""
import json, logging, sys, time
logging.disable(logging.CRITICAL)
from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify
configs = [LatexExtractionConfig(boxed_match_priority=0), ExprExtractionConfig()]
boxed = lambda text: "\\boxed{" + text + "}"
def judge(case):
    answer = case["answer"] if case["mode"] == "response" else boxed(case["answer"])
    return verify(parse(boxed(case["gold"]), extraction_config=configs), parse(answer, extraction_config=configs))
cases = json.load(sys.stdin)
judge(cases[0])
for case in cases:
    start = time.process_time()
    try:
        equal = bool(judge(case))
    except Exception:
        equal = False
    print(json.dumps([equal, time.process_time() - start]))
"""


def read_cases(path: Path | None) -> list[Case]:
    folder = os.environ.get("RLVR_TEST_DATA")
    if path is None and folder:
        path = Path(folder) / "math_cases/dev.jsonl"
    if path is not None:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    cases, category = [], ""
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            category = line[3:]
        elif line[:2] in ("= ", "! "):
            gold, _, answer = line[2:].partition(" |")
            equal = line[0] == "="
            cases.append(
                {"gold": gold, "answer": answer.strip(), "equal": equal, "category": category, "mode": "answer"}
            )
    return cases


def ours(cases: list[Case]) -> list[tuple[bool, float]]:
    """Said equal, and CPU seconds; one pass warms imports and tables, its parsed answers are forgotten."""
    from verifiers.math import MathVerifier
    from verifiers.math.reading import forget

    math, found = MathVerifier(), []
    for case in cases:
        math.verify(case["answer"], case["gold"])
    forget()
    for case in cases:
        start = time.process_time()
        equal = math.verify(case["answer"], case["gold"]).status == "correct"
        found.append((equal, time.process_time() - start))
    return found


def theirs(cases: list[Case], python: str) -> list[tuple[bool, float]]:
    run = subprocess.run([python, "-c", PEER], input=json.dumps(cases), capture_output=True, text=True, check=True)
    return [tuple(json.loads(line)) for line in run.stdout.splitlines() if line.startswith("[")]


def figures(cases: list[Case], found: list[tuple[bool, float]], name: str) -> dict[str, float]:
    negatives = [equal for case, (equal, _) in zip(cases, found, strict=True) if not case["equal"]]
    positives = [equal for case, (equal, _) in zip(cases, found, strict=True) if case["equal"]]
    times = sorted(seconds for _, seconds in found)
    right = sum(positives) + len(negatives) - sum(negatives)
    return {
        f"{name}, right, %": 100 * right / len(cases),
        f"{name}, false positives, % of negatives": 100 * sum(negatives) / max(1, len(negatives)),
        f"{name}, false negatives, % of positives": 100 - 100 * sum(positives) / max(1, len(positives)),
        f"{name}, verdicts/CPU s": len(times) / sum(times),
        f"{name}, p50, CPU ms": 1000 * times[len(times) // 2],
        f"{name}, p99, CPU ms": 1000 * times[int(0.99 * len(times))],
        f"{name}, slowest, CPU ms": 1000 * times[-1],
    }


def by_category(cases: list[Case], found: list[tuple[bool, float]]) -> dict[str, int]:
    right: dict[str, int] = {}
    for case, (equal, _) in zip(cases, found, strict=True):
        right[case["category"]] = right.get(case["category"], 0) + (equal == case["equal"])
    return right


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--peer", help="an interpreter with math-verify installed", metavar="PYTHON")
    options = parser.parse_args()
    cases = read_cases(options.cases)
    runs = {"ours": ours(cases)}
    if options.peer:
        runs["Math-Verify"] = theirs(cases, options.peer)
    right = {name: by_category(cases, found) for name, found in runs.items()}
    print(f"{'right by category':<24} {'cases':>6}", *(f"{name:>12}" for name in runs))
    for category in sorted(right["ours"]):
        count = sum(case["category"] == category for case in cases)
        print(f"{category:<24} {count:>6}", *(f"{counts[category]:>12}" for counts in right.values()))
    rows = {key: value for name, found in runs.items() for key, value in figures(cases, found, name).items()}
    if options.peer:
        rows["ours, times Math-Verify's rate"] = rows["ours, verdicts/CPU s"] / rows["Math-Verify, verdicts/CPU s"]
    report("math", rows)


if __name__ == "__main__":
    sys.exit(main())
