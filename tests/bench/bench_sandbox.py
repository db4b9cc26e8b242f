"""Sandboxed runs a second, beside plain subprocesses of the same interpreter, two at a time."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from measure import rate, report

from sandbox import RunRequest, open_sandbox

MODULES = "argparse ast collections datetime decimal fractions heapq itertools json math random re typing"
PROGRAMS = {"print": "print(1)", "13 imports": f"import {MODULES.replace(' ', ', ')}\nprint(1)"}
AT_ONCE = 2
BATCH = 20


def plain(code: str) -> int:
    def run(_: int) -> None:
        subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, check=True)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return len(list(pool.map(run, range(BATCH))))


def main() -> None:
    figures = {}
    with open_sandbox() as sandbox:
        for name, code in PROGRAMS.items():

            def sandboxed(code: str = code) -> int:
                results = sandbox.run_many([RunRequest("python", code)] * BATCH)
                failed = [result for result in results if result.status != "ok"]
                if failed:
                    raise SystemExit(f"a run failed: {failed[0]}")
                return len(results)

            figures[f"{name}, sandboxed runs/s"] = rate(sandboxed)
            figures[f"{name}, plain subprocesses/s"] = rate(lambda code=code: plain(code))  # type: ignore[misc]
    report("sandbox", figures)


if __name__ == "__main__":
    main()
