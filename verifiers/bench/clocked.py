"""Judge cases one by one in a process of their own and take the CPU time of each; kill it where it hangs.

The same conversation serves other graders (`peers`): a row of JSON in, `[score or null, CPU seconds]` out. What a row
costs is the grader's alone: its imports are done before the first row, and no verdict is looked up in a cache.
"""

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from verifiers.bench.cases import Case

DEADLINE_S = 30.0
"""For one case. Math-Verify's own limits, 5 s each, add up to about 20."""
START_S = 120.0
OURS = "from verifiers.bench.clocked import main; main()"


class Reply(NamedTuple):
    """What a grader said of one case, and what that cost. The score is None where it said nothing."""

    score: float | None
    cpu_s: float


def clock(name: str, cases: Sequence[Case]) -> list[Reply]:
    """Our own verifier of that name."""
    rows = [{"response": c.response, "reference": c.reference, "params": c.params} for c in cases]
    return converse([sys.executable, "-c", OURS, name], rows)


def converse(command: Sequence[str], rows: Sequence[dict[str, Any]]) -> list[Reply]:
    """One reply a row. A process that hangs or dies over a row is replaced; it said nothing of that row."""
    replies: list[Reply] = []
    while len(replies) < len(rows):
        with _started(command) as process:
            for row in rows[len(replies) :]:
                reply = _ask(process, row, DEADLINE_S)
                replies.append(reply or Reply(None, DEADLINE_S))
                if reply is None:
                    break
    return replies


@contextlib.contextmanager
def _started(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A grader that has said that it is ready. Raises RuntimeError when it does not come up."""
    path = os.pathsep.join(entry for entry in sys.path if entry) if command[0] == sys.executable else ""
    environment = os.environ | ({"PYTHONPATH": path} if path else {})
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, env=environment
    )
    try:
        if _line(process, START_S) is None:
            process.kill()
            assert process.stderr is not None
            said = process.stderr.read().decode(errors="replace").strip().splitlines()
            raise RuntimeError(f"{command[0]} does not start: {said[-1] if said else 'no output'}")
        yield process
    finally:
        process.kill()
        for pipe in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(OSError):
                pipe and pipe.close()
        process.wait(timeout=30)


def _ask(process: subprocess.Popen[bytes], row: dict[str, Any], deadline_s: float) -> Reply | None:
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(row).encode() + b"\n")
        line = _line(process, deadline_s)
        return None if line is None else Reply(*json.loads(line))
    except (OSError, ValueError, TypeError):
        return None


def _line(process: subprocess.Popen[bytes], deadline_s: float) -> bytes | None:
    """The next line that the process prints; None when it ends or the time is over."""
    assert process.stdout is not None
    line, end = b"", time.monotonic() + deadline_s
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, end - time.monotonic()))
        part = os.read(process.stdout.fileno(), 1 << 16) if ready else b""
        if not part:
            return None
        line += part
    return line


def main() -> None:
    """The other end of `clock`. A verdict without a score is null."""
    import importlib

    from verifiers.call import is_async, judge, prepare
    from verifiers.catalogue import load

    verifier = load(sys.argv[1])
    if is_async(verifier):
        raise SystemExit("its own time is not the time it takes")
    for module in getattr(verifier, "preload", ()):
        importlib.import_module(module)
    out, sys.stdout = sys.stdout, sys.stderr
    print("ready", file=out, flush=True)
    for line in sys.stdin:
        row = json.loads(line)
        start = time.process_time()
        verdict = judge(prepare(verifier, row["response"], row["reference"], row["params"]))
        print(json.dumps([verdict.score, time.process_time() - start]), file=out, flush=True)
