"""Recipes on Ray: teachers as actors, pure stages as tasks over shards, and the same bytes as without."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from rlvr import own_ray
from rlvr.data.flan import Flan, FlanConfig
from rlvr.data.make import make
from rlvr.data.orca import Orca, OrcaConfig
from rlvr.data.request import Request, Sampling
from rlvr.data.teachers.config import Limits, OpenAITeacher

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(900)]
FILES = ("stage1.jsonl", "stage2.jsonl", "rejected.jsonl", "manifest.json")


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """One for all: a recipe that is on a cluster already starts none."""
    own_ray.prepare()
    from rlvr import jobs

    with jobs.attached():
        yield


def test_flan_gives_the_same_bytes(tmp_path: Path) -> None:
    """Several shards, exemplars, and a held-out cluster."""
    for name in ("sums", "words"):
        rows = [{"question": f"What are {n} {name}?", "answer": f"{name} {n}"} for n in range(4000)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    datasets = {
        name: {"path": str(tmp_path / f"{name}.jsonl"), "cluster": name, "templates": "question"}
        for name in ("sums", "words")
    }
    settings = {"datasets": datasets, "held_out": ["words"], "count": 5000, "shots": 3}
    for name in ("ray", "local"):
        make(Flan, FlanConfig.model_validate({"out": tmp_path / name, **settings}), local=name == "local")
    assert len((tmp_path / "local" / "train.jsonl").read_text().splitlines()) == 5000
    for file in ("train.jsonl", "held_out.jsonl", "rejected.jsonl", "manifest.json"):
        assert (tmp_path / "ray" / file).read_bytes() == (tmp_path / "local" / file).read_bytes()


@pytest.fixture
def server(tmp_path: Path) -> Any:
    """A teacher over HTTP, of which a fifth of all attempts fail."""
    process = subprocess.Popen([sys.executable, Path(__file__).with_name("faulty_teacher.py"), tmp_path, "0.2"])
    deadline = time.monotonic() + 30
    while not (tmp_path / "address").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    yield (tmp_path / "address").read_text()
    process.kill()
    process.wait()


def test_the_same_bytes_with_and_without_ray(tmp_path: Path, server: str) -> None:
    """Orca with verification: two teachers, and shards of records that go through our verifiers on the cluster."""
    queries = tmp_path / "queries.jsonl"
    rows = [{"prompt": f"What is {n}+{n}?", "verifier": "math", "reference": str(n % 90)} for n in range(5000)]
    queries.write_text("".join(json.dumps(row) + "\n" for row in rows))
    limits = {"timeout_s": 2.0, "backoff_s": 0.01, "attempts": 40}
    teacher = {"kind": "openai", "url": server, "model": "m", "limits": limits}
    settings = {
        "collections": {"mine": {"data": queries, "count": 2200}},
        "small": teacher,
        "large": teacher | {"actors": 2, "model": "large"},
        "fraction_large": 0.1,
        "verify": True,
    }
    for name in ("ray", "local"):
        config = OrcaConfig.model_validate({"out": tmp_path / name, **settings})
        outcome = make(Orca, config, local=name == "local")
        assert outcome.manifest["complete"]
        assert outcome.manifest["kept"] > 0
    for file in FILES:
        assert (tmp_path / "ray" / file).read_bytes() == (tmp_path / "local" / file).read_bytes()


class Hangs(ThreadingHTTPServer):
    """Leaves its first request without an answer until it is told to end."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Once)
        self.asked, self.over = threading.Event(), threading.Event()


class Once(BaseHTTPRequestHandler):
    server: Hangs

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if not self.server.asked.is_set():
            self.server.asked.set()
            self.server.over.wait()
            return
        data = json.dumps({"choices": [{"text": "fine"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None: ...


def test_a_request_that_is_given_up_leaves_its_place() -> None:
    """The actor has room for one at a time."""
    from rlvr.data.on_ray import Actors  # imports Ray, which is prepared for by now

    request = Request(Sampling(max_tokens=7), prompt="Once")

    async def run(server: Hangs) -> str:
        url = f"http://127.0.0.1:{server.server_port}/v1"
        teacher = Actors("teacher", OpenAITeacher(url=url, model="m", limits=Limits(concurrency=1)))
        try:
            given_up = asyncio.create_task(teacher.ask(request, 0))
            assert await asyncio.to_thread(server.asked.wait, 60)
            given_up.cancel()
            async with asyncio.timeout(30):
                return (await teacher.ask(request, 0)).text
        finally:
            await teacher.close()

    with Hangs() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            assert asyncio.run(run(server)) == "fine"
        finally:
            server.over.set()
            server.shutdown()
            thread.join()
