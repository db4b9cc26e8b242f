import asyncio
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from verifiers import Item, Verdict
from verifiers.client import AsyncClient, Client, ServiceError

ITEMS = [Item("a", "exact", "x", "x"), Item("b", "exact", "y", "x")]


class Scripted(BaseHTTPRequestHandler):
    """Answers with what the test wrote down, one entry a request."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append(body)
        status, headers, content = self.server.script.pop(0)
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Scripted) as server:
        server.script, server.seen = [], []
        server.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def verdict(id="", **more):
    return Verdict.correct(id=id, **more).model_dump()


def problem(status, detail, type="about:blank"):
    return {"type": type, "title": "", "status": status, "detail": detail}


BUSY = (429, {"Retry-After": "0"}, problem(429, "the queue is full", "queue-full"))
DRAINING = (503, {"Retry-After": "0"}, b"upstream gone")
GOOD = (200, {}, {"results": [verdict("a"), verdict("b")]})


def many(url, asynchronous, items=ITEMS, **more):
    if not asynchronous:
        with Client(url, **more) as client:
            return client.grade_many(items)

    async def ask():
        async with AsyncClient(url, **more) as client:
            return await client.grade_many(items)

    return asyncio.run(ask())


both = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])


@both
def test_busy_is_asked_again_until_it_is_not(server, asynchronous):
    server.script = [BUSY, DRAINING, GOOD]
    assert [found.id for found in many(server.url, asynchronous)] == ["a", "b"]
    assert len(server.seen) == 3
    assert server.seen[0] == server.seen[2]


@both
@pytest.mark.parametrize("status", [400, 401, 404, 413, 422, 500, 502, 504])
def test_nothing_else_is_asked_again_and_no_score_comes_of_it(server, asynchronous, status):
    server.script = [(status, {}, problem(status, "no"))]
    found = many(server.url, asynchronous)
    assert [(one.id, one.status, one.score, one.reason) for one in found] == [
        ("a", "error", None, "service"),
        ("b", "error", None, "service"),
    ]
    assert found[0].details == {"message": f"{status}: no"}
    assert len(server.seen) == 1


@both
def test_it_gives_up_after_so_many_retries(server, asynchronous):
    server.script = [BUSY] * 3
    found = many(server.url, asynchronous, retries=2)
    assert found[0].details == {"message": "429: the queue is full"}
    assert len(server.seen) == 3


@both
def test_it_waits_as_long_as_it_is_told(server, asynchronous):
    server.script = [(429, {"Retry-After": "1"}, b""), GOOD]
    start = time.monotonic()
    many(server.url, asynchronous)
    assert 1.0 <= time.monotonic() - start < 3.0


@both
def test_a_short_answer_is_no_answer(server, asynchronous):
    server.script = [(200, {}, {"results": [verdict("a")]})]
    assert {found.reason for found in many(server.url, asynchronous)} == {"service"}


@both
def test_a_long_list_travels_in_batches(server, asynchronous):
    items = [Item(str(n), "exact", "x", "x", {"ignore_case": True}) for n in range(300)]
    server.script = [(200, {}, {"results": [verdict()] * 256}), (200, {}, {"results": [verdict()] * 44})]
    if asynchronous:  # both are under way at once, so either may be first
        server.script = [(200, {}, {"results": [verdict()] * 150})] * 2
        assert {found.reason for found in many(server.url, asynchronous, items)} == {"service"}
    else:
        assert [found.id for found in many(server.url, asynchronous, items)] == [str(n) for n in range(300)]
    assert sorted(len(body["items"]) for body in server.seen) == [44, 256]
    assert server.seen[0]["items"][0]["params"] == {"ignore_case": True}


@both
def test_foreign_errors_are_told_as_they_are(server, asynchronous):
    server.script = [(502, {}, b"<html>proxy</html>")]
    assert many(server.url, asynchronous)[0].details == {"message": "502: <html>proxy</html>"}


def test_verify_raises_with_status_and_type(server):
    server.script = [(422, {}, problem(422, "bad", "bad-reference"))]
    with Client(server.url) as client, pytest.raises(ServiceError, match=r"^422: bad$") as raised:
        client.verify("exact", "x", 3)
    assert (raised.value.status, raised.value.type) == (422, "bad-reference")


def test_a_stream_that_is_refused_raises(server):
    server.script = [(429, {}, problem(429, "full"))]
    with Client(server.url) as client, pytest.raises(ServiceError, match="429: full"):
        list(client.completed(ITEMS))
