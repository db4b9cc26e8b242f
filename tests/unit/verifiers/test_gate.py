import asyncio
import base64

import pytest

from verifiers.admission import Limits
from verifiers.gate import Gate
from verifiers.keys import Key
from verifiers.metrics import Metrics

LIMITS = Limits(body_bytes=100, held_bytes=150, body_s=0.2, items=10, queue=20)


async def app(scope, receive, send):
    """Answers with the length of the body."""
    body = (await receive())["body"]
    await asyncio.sleep(0.05)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(len(body)).encode()})


def gate(keys=(), hosts=()):
    return Gate(app, [Key(key, key) for key in keys], hosts, LIMITS, Metrics(), {"/run_code": 504})


async def ask(door, *parts, headers=(), path="/v1/verify", pause=0.0, hang_up=False):
    """Status and body of the answer, or None if there was none."""
    waiting, sent = list(parts), []

    async def receive():
        await asyncio.sleep(pause)
        if waiting:
            return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting) or hang_up}
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": path, "method": "POST", "headers": [*headers]}
    await door(scope, receive, send)
    return (sent[0]["status"], sent[1]["body"]) if sent else None


def status(door, *parts, **more):
    return asyncio.run(ask(door, *parts, **more))[0]


def test_a_body_in_parts_arrives_whole():
    assert asyncio.run(ask(gate(), b"a" * 40, b"b" * 40)) == (200, b"80")


def test_too_long_too_slow_or_broken_off_bodies():
    assert status(gate(), b"a" * 60, b"b" * 60) == 413
    assert status(gate(), b"", headers=[(b"content-length", b"101")]) == 413
    assert status(gate(), b"a", b"b", b"c", pause=0.15) == 408
    assert asyncio.run(ask(gate(), b"a", hang_up=True)) is None


def test_bodies_under_way_share_a_bound_and_give_it_back():
    async def together():
        door = gate()
        crowd = await asyncio.gather(*(ask(door, b"x" * 80) for _ in range(3)))
        return sorted(answer[0] for answer in crowd), await ask(door, b"x" * 80)

    async def of_a_client_that_needs_another_status():
        door = gate()
        return sorted(a[0] for a in await asyncio.gather(*(ask(door, b"x" * 80, path="/run_code") for _ in range(2))))

    statuses, after = asyncio.run(together())
    assert asyncio.run(of_a_client_that_needs_another_status()) == [200, 504]
    assert statuses == [200, 429, 429]
    assert after[0] == 200


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (None, 401),
        (b"Bearer key-one", 200),
        (b"bearer key-two", 200),
        (b"Bearer key-three", 401),
        (b"Bearer key-on", 401),
        (b"Bearer", 401),
        (b"Basic key-one", 401),
        (b"key-one", 401),
        (b"Basic " + base64.b64encode(b"any:key-one"), 200),
        (b"Basic " + base64.b64encode(b"key-one:"), 401),
        (b"Bearer \xff", 401),
    ],
)
def test_keys(sent, expected):
    headers = [(b"authorization", sent)] if sent else []
    door = gate(keys=["key-one", "key-two"])
    assert status(door, b"", headers=headers) == expected
    assert status(door, b"", headers=headers, path="/healthz") == 200


def test_the_key_may_come_in_a_header_of_judge0s():
    door = gate(keys=["key-one"])
    assert status(door, b"", headers=[(b"x-auth-token", b"key-one")]) == 200
    assert status(door, b"", headers=[(b"x-auth-token", b"key-two")]) == 401


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (b"localhost:80", 200),
        (b"[::1]:80", 200),
        (b"[::1]", 200),
        (b"evil.example", 403),
        (b"localhost@evil", 403),
        (b"", 403),
    ],
)
def test_hosts(host, expected):
    assert status(gate(hosts=["localhost", "::1"]), b"", headers=[(b"host", host)]) == expected


def test_requests_are_counted_by_status():
    metrics = Metrics()
    door = Gate(app, [Key("key", "me")], (), LIMITS, metrics)
    assert status(door, b"") == 401
    assert 'rlvr_requests_total{route="none",status="401"} 1' in metrics.text({})
