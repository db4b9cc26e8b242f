"""Sandboxed runs a second, beside plain subprocesses of the same interpreter, two at a time."""

from measure import report
from sandbox import open_sandbox
from sandbox.bench import IMPORTS, PLAIN, compare


def main() -> None:
    figures = {}
    with open_sandbox() as sandbox:
        for name, code in (("print", PLAIN), ("common imports", IMPORTS)):
            found = compare(sandbox, name, code, concurrency=2)
            figures |= {
                f"{name}, sandboxed runs/s": found.sandbox.runs_per_s,
                f"{name}, plain subprocesses/s": found.subprocess.runs_per_s,
                f"{name}, sandboxed runs in the time of one": found.ratio,
                f"{name}, sandboxed p50 ms": found.sandbox.p50_ms,
            }
    report("sandbox", figures)


if __name__ == "__main__":
    main()
