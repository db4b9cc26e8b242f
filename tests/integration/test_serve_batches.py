"""Long batches over a real socket, with two processes behind it."""

import json

import httpx
import pytest

ITEMS = [{"id": f"i{n}", "verifier": "exact", "response": "x" if n % 3 else "y", "reference": "x"} for n in range(900)]


@pytest.fixture(scope="module")
def url(serving):
    with serving("--workers", "2") as (url, _):
        yield url


def test_a_long_batch(url):
    with httpx.Client(base_url=url, timeout=100) as client:
        answer = client.post("/v1/batches", json={"items": ITEMS})
        assert answer.status_code == 202
        place = answer.headers["location"]
        assert answer.json()["total"] == 900
    for _ in range(20):  # every time on a new connection, so that either process may be asked
        status = httpx.get(f"{url}{place}?wait=30", timeout=100).json()
        assert status["state"] == "done"
        assert status["verdicts"] == {"correct": 600, "incorrect": 300}
    lines = httpx.get(f"{url}{place}/results?after=100").text.splitlines()
    assert len({json.loads(line)["id"] for line in lines}) == 800
    assert httpx.delete(f"{url}{place}").status_code == 204
    assert httpx.get(f"{url}{place}").json()["type"] == "no-batch"


def test_what_is_refused(url):
    twice = {"items": [ITEMS[0], ITEMS[0]]}
    assert httpx.post(f"{url}/v1/batches", json=twice).json()["type"] == "ambiguous-ids"
    assert httpx.get(f"{url}/v1/batches/{'0' * 32}").status_code == 404
    assert httpx.get(f"{url}/v1/batches/x/results").status_code == 404
