"""Recipes on Ray: teachers as actors, pure stages as tasks over shards, and the same bytes as without."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rlvr import own_ray
from rlvr.data.flan import Flan, FlanConfig
from rlvr.data.make import make
from rlvr.data.orca import Orca, OrcaConfig

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
