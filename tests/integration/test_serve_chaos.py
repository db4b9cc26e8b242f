"""A minute of everything that goes wrong at once: killed processes, a full queue, hostile and vanishing clients.

What must hold all the while: no wrong verdict, no lost id, bounded memory; and two seconds later all is well again.
"""

import base64
import contextlib
import json
import os
import pickle
import random
import signal
import socket
import threading
import time
import zlib
from collections import Counter
from itertools import count
from pathlib import Path

import httpx
import pytest

from verifiers import Item
from verifiers.client import Client

pytestmark = pytest.mark.slow

SECONDS = 60.0
RECOVERY_S = 2.0
MOST_BYTES = 512 << 20
"""Resident, of the service's own process: five bodies of 64 MB are refused at a time, and one is taken apart."""
CHILDREN = (b"verifiers.worker_main", b"sandbox.process.host")
numbers = count()


def items(size):
    """(item, right status), no two alike, so that the cache answers none."""
    for _ in range(size):
        number = next(numbers)
        right = random.random() < 0.5
        status = "correct" if right else "incorrect"
        kind = random.randrange(4)
        if kind == 0:
            yield Item(f"i{number}", "math", f"\\boxed{{{number if right else number + 1}}}", str(number)), status
        elif kind == 1:
            yield Item(f"i{number}", "odd_process", str(right).lower(), {"value": f"chaos {number}"}), status
        elif kind == 2:
            body = f"def f(x):\n    return x + {number if right else number + 1}\n"
            yield Item(f"i{number}", "code", body, {"test_list": [f"assert f(1) == {number + 1}"]}), status
        else:
            program = f"print(int(input()) + {number if right else number + 1})"
            yield Item(f"i{number}", "code", program, {"inputs": ["1\n"], "outputs": [f"{number + 1}\n"]}), status


class Judge:
    """Asks without end, and compares every verdict with what it must be."""

    def __init__(self, url):
        self.url, self.seen, self.wrong = url, Counter(), []

    def work(self, stop):
        with Client(self.url, timeout=120) as client:
            while not stop.is_set():
                rows = list(items(random.choice((1, 4, 64))))
                verdicts = client.grade_many([item for item, _ in rows])
                assert len(verdicts) == len(rows)
                for (item, status), verdict in zip(rows, verdicts, strict=True):
                    self.seen[verdict.status if verdict.status != "error" else f"error {verdict.reason}"] += 1
                    if verdict.id != item.id or verdict.status not in (status, "error"):
                        self.wrong.append((item, status, verdict))


class Payload:
    def __reduce__(self):
        return os.system, ("touch PWNED",)


PICKLE = base64.b64encode(zlib.compress(pickle.dumps([Payload()]))).decode()


def vandals(url):
    """One call each: what a bad client does, and the statuses that it may get."""
    address = ("127.0.0.1", int(url.rpartition(":")[2]))
    head = b"POST /v1/verify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    json_type = {"Content-Type": "application/json"}

    def vanish():
        slow = [{"verifier": "odd_process", "response": "sleep 5", "reference": {"value": str(next(numbers))}}] * 20
        body = json.dumps({"items": slow}).encode()
        with socket.create_connection(address, timeout=30) as line:
            line.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def dawdle():
        with socket.create_connection(address, timeout=30) as line:
            line.sendall(head + b"Content-Length: 1000000\r\n\r\n{")
            time.sleep(2)

    def flood():
        def parts():
            for _ in range(100):
                yield b"x" * (1 << 20)

        return httpx.post(f"{url}/v1/verify", content=parts(), headers=json_type, timeout=60), {413, 429, 408}

    def huge():
        return httpx.post(f"{url}/v1/verify", content=b"x" * 100_000_000, headers=json_type, timeout=60), {413, 429}

    def garbage():
        body = random.choice((b'{"items":', b"[" * 100_000, b"\xff", b'{"items": 3}', b"null"))
        path = random.choice(("/v1/verify", "/run_code", "/get_reward", "/verify"))
        return httpx.post(f"{url}{path}", content=body, headers=json_type, timeout=60), {400, 422, 429}

    def payload():
        body = {"program": "1", "tests": PICKLE}
        return httpx.post(f"{url}/test_program", json=body, timeout=60), {422, 429, 503}

    def fill():
        row = {"verifier": "odd_process", "response": "sleep 0.001", "reference": {"value": "x"}}
        body = {"items": [row] * 4096, "timeout_s": 1}
        return httpx.post(f"{url}/v1/verify", json=body, timeout=60), {200, 429}

    return [vanish, dawdle, flood, huge, garbage, payload, fill]


def vandal(url, stop, surprises):
    while not stop.is_set():
        deed = random.choice(vandals(url))
        with contextlib.suppress(httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError, OSError):
            done = deed()
            if done and done[0].status_code not in done[1]:
                surprises.append((deed.__name__, done[0].status_code, done[0].text[:300]))


def family(root):
    """Processes below `root`, by id, with their command lines."""
    parents, found = {}, {root}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {root}


def killer(root, stop, kills):
    while not stop.wait(random.uniform(0.1, 0.6)):
        victims = []
        for pid in family(root):
            with contextlib.suppress(OSError):
                line = Path(f"/proc/{pid}/cmdline").read_bytes()
                victims += [(pid, name) for name in CHILDREN if name in line]
        if victims:
            pid, name = random.choice(victims)
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
                kills[name.decode()] += 1


def resident(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.timeout(400)
def test_a_minute_of_chaos(serving, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with serving() as (url, process):
        judge, stop, kills, surprises, peak = Judge(url), threading.Event(), Counter(), [], 0
        threads = [threading.Thread(target=judge.work, args=(stop,)) for _ in range(4)]
        threads += [threading.Thread(target=vandal, args=(url, stop, surprises)) for _ in range(3)]
        threads += [threading.Thread(target=killer, args=(process.pid, stop, kills))]
        for thread in threads:
            thread.start()
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            peak = max(peak, resident(process.pid))
            time.sleep(0.5)
        stop.set()
        for thread in threads:
            thread.join(timeout=150)
        start = time.monotonic()
        after = Judge(url)
        with Client(url, timeout=60) as client:
            for item, status in items(8):
                assert client.grade(item).status == status
        recovery = time.monotonic() - start
        print(
            f"\n{dict(judge.seen)} kills {dict(kills)} peak {peak >> 20} MiB recovery {recovery:.2f} s {surprises[:3]}"
        )
        assert judge.wrong == after.wrong == []
        assert surprises == []
        total = judge.seen.total()
        errors = sum(number for status, number in judge.seen.items() if status.startswith("error"))
        assert total > 500
        assert errors < 0.05 * total
        assert min(kills[name.decode()] for name in CHILDREN) > 10
        assert peak < MOST_BYTES
        assert recovery < RECOVERY_S
        assert process.poll() is None
        assert list(tmp_path.iterdir()) == []  # no payload was ever called
