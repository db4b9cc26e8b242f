"""Put known bugs of the field back, one line at a time, and see whether the tests catch them.

    python tests/mutants/run.py [NUMBER ...]

Each row of `mutants.toml` is a bug that a trainer has shipped, as a change of one line of ours. It is made in a copy of
the packages, and the tests that the row names are run on it. What passes them has survived. The last line is
`N of 30`, the number caught; exit 0 when all are.
"""

import os
import shutil
import signal
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest
import torch
import transformers  # noqa: F401  (so that the children need not import it)

ROOT = Path(__file__).parents[2]
PACKAGES = ("rlvr", "verifiers", "sandbox")
DEADLINE_S = 300
REWRITING = "ignore::pytest.PytestAssertRewriteWarning"
"""It warns of what was imported before it; we did so on purpose."""

torch.set_num_threads(1)  # a fork has no other threads
sys.dont_write_bytecode = True


def main() -> int:
    rows = tomllib.loads((Path(__file__).parent / "mutants.toml").read_text())["mutant"]
    wanted = {int(number) for number in sys.argv[1:]}
    chosen = [row for row in rows if not wanted or row["number"] in wanted]
    sound = sorted({test for row in chosen for test in row["tests"].split()})
    if not passes(ROOT, sound):
        print("the tests fail as they are; a mutant proves nothing")
        return 1
    caught = 0
    for row in chosen:
        found = not survives(row)
        caught += found
        print(f"{row['number']:2} {'caught  ' if found else 'SURVIVED'} {row['bug']}", flush=True)
    print(f"{caught} of {len(chosen)}")
    return caught != len(chosen)


def survives(row: dict[str, str]) -> bool:
    """Whether the row's tests pass on a copy with its one line changed."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        folder = Path(name)
        for package in PACKAGES:
            shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
        path = folder / row["file"]
        source = path.read_text()
        if source.count(row["line"]) != 1 or "\n" in row["line"]:
            raise SystemExit(f"mutant {row['number']}: expected its line once in {row['file']}: {row['line']!r}")
        path.write_text(source.replace(row["line"], row["becomes"]))
        return passes(folder, row["tests"].split())


def passes(folder: Path, tests: list[str]) -> bool:
    """Whether these tests pass on the packages in that folder, in a child that has the heavy libraries from us."""
    with tempfile.TemporaryFile("w+") as said:
        child = os.fork()
        if child == 0:
            signal.alarm(DEADLINE_S)
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            sys.path.insert(0, str(folder))
            options = [
                "-q",
                "-x",
                "-m",
                "not slow",
                "-p",
                "no:cacheprovider",
                "-W",
                REWRITING,
                "--rootdir",
                str(ROOT),
                "-c",
                str(ROOT / "pyproject.toml"),
            ]
            code = pytest.main([*options, *(str(ROOT / test) for test in tests)])
            ours = [module for name, module in sys.modules.items() if name.partition(".")[0] in PACKAGES]
            astray = [m.__file__ for m in ours if not str(m.__file__).startswith(str(folder))]
            os._exit(code if not astray else 99)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        said.seek(0)
        if folder == ROOT and code:
            print(said.read()[-3000:])
        if code not in (0, 1, -signal.SIGALRM):
            raise SystemExit(f"pytest could not run ({code}): {said.read()[-3000:]}")
        return code == 0


if __name__ == "__main__":
    sys.exit(main())
