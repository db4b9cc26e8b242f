"""The math verifier on labelled cases: accuracy, speed per CPU second, and other graders beside it where installed.

    bench_math.py [--cases FILE] [--peer PYTHON]

Without a file the cases are `math_cases/dev.jsonl` below RLVR_TEST_DATA, else the table of the unit tests. The peers'
interpreter is that of `make .venv-peers/.ready`, if it is there. `rlvr verifiers bench math` prints the same in full.
"""

import argparse
import os
from pathlib import Path

from measure import report
from verifiers.bench import Case, bench, installed, read_cases
from verifiers.bench.report import PeerReport, Report

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "tests/unit/verifiers/test_math_cases.txt"
PEERS = ROOT / ".venv-peers/bin/python"


def table() -> list[Case]:
    cases, category = [], ""
    for number, line in enumerate(TABLE.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("## "):
            category = line[3:]
        elif line[:2] in ("= ", "! "):
            gold, _, answer = line[2:].partition(" |")
            row = {"gold": gold, "answer": answer.strip(), "equal": line[0] == "=", "category": category}
            cases.append(Case.model_validate({"id": f"line {number}", **row}))
    return cases


def figures(name: str, found: Report | PeerReport) -> dict[str, float]:
    total, speed = found.total, found.speed
    return {
        f"{name}, right, %": 100 * total.accuracy,
        f"{name}, false positives, % of negatives": 100 * total.false_positives / max(1, total.negatives),
        f"{name}, false negatives, % of positives": 100 * total.false_negatives / max(1, total.cases - total.negatives),
        f"{name}, verdicts/CPU s": speed.per_s,
        f"{name}, p50, CPU ms": speed.p50_ms,
        f"{name}, p99, CPU ms": speed.p99_ms,
        f"{name}, slowest, CPU ms": speed.slowest_ms,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--peer", help="an interpreter with other graders installed", metavar="PYTHON")
    options = parser.parse_args()
    folder = os.environ.get("RLVR_TEST_DATA")
    file = options.cases or (Path(folder) / "math_cases/dev.jsonl" if folder else None)
    python = options.peer or (str(PEERS) if PEERS.exists() else None)
    found = bench("math", read_cases(file) if file else table(), peers=installed(python) if python else ())
    rows = figures("ours", found) | {"ours, probes paid": float(len(found.paid))}
    for label, peer in found.peers.items():
        behind = [name for name, tally in peer.categories.items() if tally.right > found.categories[name].right]
        rows |= figures(label, peer) | {f"ours, times {label}'s rate": found.speed.per_s / peer.speed.per_s}
        rows[f"ours, categories behind {label}"] = float(len(behind))
    report("math", rows)


if __name__ == "__main__":
    main()
