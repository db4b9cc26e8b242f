"""The verifier service over loopback: how soon it is up, what it costs idle, verdicts a second, and how late they are.

Load comes from the same machine, by four connections with bodies encoded beforehand. No two responses are equal, so
that the cache answers nothing. For scale: a program by one plain subprocess, without any walls, as SandboxFusion runs
them by default, beside the same program through `/run_code`. CPU is that of the service and all below it.
"""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count, cycle, islice
from pathlib import Path

from measure import report
from rlvr.tasks.procedural import problems

CONNECTIONS, SECONDS = 4, 5.0
PROGRAM = "print(sum(range(10)))"
ROOT = Path(__file__).parents[2]
numbers = count()


def rows(family: str) -> Iterator[dict[str, object]]:
    """Right and slipped answers for ever, each with a first line of its own."""
    known = list(islice(problems(0, "train", family), 500))
    for problem in cycle(known):
        for answer in (problem.right, problem.slipped):
            text = f"Attempt {next(numbers)}.\n{answer}"
            yield {"verifier": problem.family, "response": text, "reference": problem.reference}


@contextmanager
def serving() -> Iterator[tuple[int, subprocess.Popen[bytes], float]]:
    """Port, process, and seconds until it answered."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    start = time.perf_counter()
    command = [sys.executable, "-m", "rlvr.cli", "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)})
    try:
        while True:
            try:
                ask(http.client.HTTPConnection("127.0.0.1", port, timeout=60), "GET", "/healthz")
                break
            except ConnectionRefusedError:
                time.sleep(0.01)
        yield port, process, time.perf_counter() - start
    finally:
        process.terminate()
        process.wait(timeout=40)


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None = None) -> bytes:
    connection.request(method, path, body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != 200:
        raise SystemExit(f"{path}: {answer.status} {content[:300]!r}")
    return content


def load(port: int, bodies: list[bytes], pause_s: float = 0.0, path: str = "/v1/verify") -> tuple[float, list[float]]:
    """Requests a second over all connections, and the seconds that each one took."""

    def connection(share: list[bytes]) -> list[float]:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        times = []
        for body in share:
            start = time.perf_counter()
            content = ask(client, "POST", path, body)
            times.append(time.perf_counter() - start)
            if b'"status":"error"' in content:
                raise SystemExit(f"an error verdict: {content[:500]!r}")
            time.sleep(max(0.0, pause_s - times[-1]))
        client.close()
        return times

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        start = time.perf_counter()
        parts = list(pool.map(connection, [bodies[n::CONNECTIONS] for n in range(CONNECTIONS)]))
        return len(bodies) / (time.perf_counter() - start), [seconds for part in parts for seconds in part]


def batches(family: str, size: int, number: int) -> list[bytes]:
    source = rows(family)
    return [json.dumps({"items": list(islice(source, size))}).encode() for _ in range(number)]


def singles(family: str, number: int) -> list[bytes]:
    return [json.dumps(row).encode() for row in islice(rows(family), number)]


def sized(port: int, make: Callable[[int], list[bytes]], first: int, path: str = "/v1/verify") -> list[bytes]:
    """Bodies for about `SECONDS` of load, by the rate of a first few."""
    rate, _ = load(port, make(first), path=path)
    return make(max(first, int(rate * SECONDS)))


def programs(number: int) -> list[bytes]:
    return [json.dumps({"language": "python", "code": f"{PROGRAM}  # {next(numbers)}"}).encode() for _ in range(number)]


def subprocess_rate() -> float:
    """Runs a second with one interpreter started for each program, as many at once as there are CPUs."""

    def run(_: int) -> None:
        subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        start = time.perf_counter()
        list(pool.map(run, range(60)))
        return 60 / (time.perf_counter() - start)


def cpu_s(pid: int) -> float:
    """CPU seconds of a process, what it has waited for included, and of all below it."""
    ticks, parents = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            parents[int(stat.parent.name)], ticks[int(stat.parent.name)] = int(fields[1]), sum(map(int, fields[11:15]))
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(ticks.get(each, 0) for each in family) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    figures = {}
    with serving() as (port, process, up_s):
        figures["start, ms"] = up_s * 1e3
        ask(http.client.HTTPConnection("127.0.0.1", port, timeout=60), "GET", "/v1/verifiers")
        for family in ("math", "instructions", "code"):
            load(port, batches(family, 4, CONNECTIONS))  # warm
        time.sleep(1.0)
        before = cpu_s(process.pid)
        time.sleep(5.0)
        figures["idle, % of a CPU"] = (cpu_s(process.pid) - before) / 5.0 * 100
        for family, size in (("math", 64), ("instructions", 64), ("code", 16)):
            bodies = sized(port, lambda number, family=family, size=size: batches(family, size, number), 8)
            before = cpu_s(process.pid)
            figures[f"{family} in batches of {size}, verdicts/s"] = load(port, bodies)[0] * size
            figures[f"{family} in batches of {size}, CPU ms each"] = (
                (cpu_s(process.pid) - before) * 1e3 / (len(bodies) * size)
            )
        bodies = sized(port, lambda number: singles("math", number), 100)
        figures["math one by one, verdicts/s"] = full = load(port, bodies)[0]
        _, times = load(port, singles("math", int(full / 2 * SECONDS)), pause_s=CONNECTIONS / (full / 2))
        times.sort()
        figures["math one by one at half load, p50 ms"] = times[len(times) // 2] * 1e3
        figures["math one by one at half load, p99 ms"] = times[int(len(times) * 0.99)] * 1e3
        bodies = sized(port, programs, 20, "/run_code")
        figures["/run_code, runs/s"] = load(port, bodies, path="/run_code")[0]
    figures["plain subprocess a program, runs/s"] = subprocess_rate()
    report("service", figures)


if __name__ == "__main__":
    main()
