"""The service over a real socket, as `rlvr serve` starts it."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from verifiers import Item
from verifiers.client import AsyncClient, Client, ServiceError

ROOT = Path(__file__).parents[2]
SERVE = ["-m", "rlvr.cli", "serve"]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests" / "odd")])}
KEY, OTHER_KEY = "k" * 32, "o" * 32


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def wait_for(condition, seconds=100.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def url(serving):
    with serving() as (url, _):
        yield url


def row(response="x", verifier="exact", reference="x", **more):
    return {"verifier": verifier, "response": response, "reference": reference} | more


def post(url, body, path="/v1/verify", **more):
    return httpx.post(f"{url}{path}", json=body, timeout=100, **more)


def problem(answer):
    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()
    assert found["status"] == answer.status_code
    assert found["instance"] == answer.request.url.path
    return found


def test_one_item_is_one_verdict(url):
    answer = post(url, row("x", id="q", params={"ignore_case": True}))
    assert answer.status_code == 200
    verdict = answer.json()
    assert (verdict["id"], verdict["status"], verdict["score"], verdict["verifier"]) == ("q", "correct", 1.0, "exact")


def test_a_batch_is_answered_in_order_and_faults_stay_with_their_items(url):
    items = [
        row(id="a"),
        row("y"),
        row(reference=3, id="c"),
        row(verifier="exat"),
        row("raise ValueError", "odd_inline", {}),
    ]
    results = post(url, {"items": items}).json()["results"]
    assert [verdict["id"] for verdict in results] == ["a", "1", "c", "3", "4"]
    assert [verdict["status"] for verdict in results] == ["correct", "incorrect", "error", "error", "error"]
    assert [verdict["reason"] for verdict in results[2:]] == [
        "bad_reference",
        "unknown_verifier",
        "ValueError: told to",
    ]
    assert post(url, {"items": []}).json() == {"results": []}


def test_a_stream_comes_in_the_order_of_completion(url):
    items = [row("sleep 1", "odd_process", {}, id="slow"), row(id="quick"), row("y", id="other")]
    headers = {"Accept": "application/x-ndjson"}
    with httpx.stream("POST", f"{url}/v1/verify", json={"items": items}, headers=headers) as answer:
        assert answer.headers["content-type"] == "application/x-ndjson"
        start = time.monotonic()
        lines = [(json.loads(line)["id"], time.monotonic() - start) for line in answer.iter_lines()]
    assert [id for id, _ in lines] == ["quick", "other", "slow"]
    assert lines[1][1] < lines[2][1] - 0.5
    twice = post(url, {"items": [row(id="a"), row(id="a")]}, headers=headers)
    assert problem(twice)["type"] == "ambiguous-ids"


@pytest.mark.parametrize(
    ("body", "status", "type", "pointer"),
    [
        (b'{"items":', 400, "not-json", None),
        (b"[" * 100_000, 400, "about:blank", None),
        (b"\xff\xfe", 400, "not-json", None),
        (b"", 422, "invalid-request", "#"),
        (b"[]", 422, "invalid-request", "#"),
        (b"{}", 422, "invalid-request", "#/verifier"),
        (json.dumps(row(response=None)).encode(), 422, "invalid-request", "#/response"),
        (json.dumps({"items": [row(), row(params=[])]}).encode(), 422, "invalid-request", "#/items/1/params"),
        (json.dumps({"items": 3}).encode(), 422, "invalid-request", "#/items"),
        (json.dumps(row(colour="red")).encode(), 422, "invalid-request", "#/colour"),
        (json.dumps(row(timeout_s=-1)).encode(), 422, "invalid-request", "#/timeout_s"),
        (json.dumps(row(reference=3)).encode(), 422, "bad-reference", "#/reference"),
        (json.dumps(row(params={"colour": 1})).encode(), 422, "bad-params", "#/params"),
        (json.dumps(row(verifier="exat")).encode(), 404, "unknown-verifier", None),
        (json.dumps(row(verifier="odd_broken")).encode(), 500, "broken-verifier", None),
        (json.dumps({"items": [row()] * 4097}).encode(), 413, "too-many-items", None),
    ],
)
def test_a_bad_request_is_a_problem_that_points_at_the_fault(url, body, status, type, pointer):
    answer = httpx.post(f"{url}/v1/verify", content=body, headers={"Content-Type": "application/json"}, timeout=100)
    found = problem(answer)
    assert (found["status"], found["type"]) == (status, type)
    assert [error["pointer"] for error in found["errors"]][:1] == ([pointer] if pointer else [])
    assert found["detail"]
    assert "\n" not in found["detail"]


def test_other_refusals_are_problems_too(url):
    assert problem(httpx.post(f"{url}/v1/verify", content=b"{}"))["status"] == 415
    assert problem(httpx.get(f"{url}/nowhere"))["status"] == 404
    assert problem(httpx.get(f"{url}/v1/verify"))["status"] == 405
    assert problem(httpx.get(f"{url}/v1/verifiers/exat"))["detail"].startswith("no verifier named 'exat'; did you mean")


def test_a_name_that_leads_here_by_a_trick_is_refused(url):
    assert problem(httpx.get(f"{url}/v1/verifiers", headers={"Host": "evil.example"}))["status"] == 403
    assert httpx.get(f"{url}/v1/verifiers", headers={"Host": "localhost:1"}).status_code == 200


def test_bodies_have_a_limit_whether_announced_or_not(url):
    def endless():
        for _ in range(70):
            yield b"x" * (1 << 20)

    headers = {"Content-Type": "application/json"}
    for content in (b"x" * (65 << 20), endless()):
        with contextlib.suppress(httpx.WriteError):  # the service may hang up while we are still sending
            answer = httpx.post(f"{url}/v1/verify", content=content, headers=headers, timeout=100)
            assert problem(answer)["status"] == 413
    assert post(url, row()).status_code == 200


def test_the_deadline_of_a_request(url):
    assert problem(post(url, row("sleep 5", "odd_process", {}, timeout_s=0.3)))["type"] == "deadline"
    items = [row(), row("sleep 5", "odd_process", {"value": "b"}, id="late")]
    results = post(url, {"items": items, "timeout_s": 0.3}).json()["results"]
    assert [(v["id"], v["status"], v["reason"]) for v in results] == [
        ("0", "correct", "equal"),
        ("late", "error", "deadline"),
    ]


def test_work_stops_when_the_client_hangs_up(url):
    def running():
        lines = httpx.get(f"{url}/metrics").text.splitlines()
        return float(next(line for line in lines if line.startswith("rlvr_items_admitted ")).split()[1])

    for headers in ({}, {"Accept": "application/x-ndjson"}):
        items = [row("sleep 60", "odd_process", {"value": str(n)}, id=str(n)) for n in range(50)]
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{url}/v1/verify", json={"items": items}, headers=headers, timeout=0.3)
        wait_for(lambda: running() == 0)


def test_the_catalogue(url):
    listed = {entry["name"]: entry for entry in httpx.get(f"{url}/v1/verifiers").json()}
    assert listed["exact"]["source"] == "built-in"
    assert listed["odd_broken"]["error"]
    shown = httpx.get(f"{url}/v1/verifiers/exact").json()
    assert shown["reference"]["properties"]["answers"]
    assert shown["params"]["properties"]["ignore_case"]


def test_a_program_is_run_in_the_sandbox(url):
    answer = post(
        url,
        {
            "language": "python",
            "code": "import sys; open('a','w').write(input()); sys.exit(3)",
            "stdin": "hi",
            "fetch": ["a"],
        },
        "/v1/run",
    )
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["exit_code"], answer.json()["files"]) == ("error", 3, {"a": "aGk="})
    slow = post(url, {"language": "python", "code": "while True: pass", "limits": {"wall_s": 0.3}}, "/v1/run")
    assert slow.json()["status"] == "timeout"
    assert problem(post(url, {"language": "cobol", "code": ""}, "/v1/run"))["detail"].startswith(
        "language must be one of"
    )
    assert problem(post(url, {"language": "python", "code": "", "limits": {"wall_s": 1e9}}, "/v1/run"))["status"] == 422


def test_health_metrics_and_the_openapi_document(url):
    wait_for(lambda: httpx.get(f"{url}/readyz", timeout=100).status_code == 200)
    assert httpx.get(f"{url}/healthz").json()["status"] == "ok"
    post(url, row("y"))
    text = httpx.get(f"{url}/metrics").text
    assert 'rlvr_verdicts_total{status="incorrect",verifier="exact"}' in text
    assert 'rlvr_verify_seconds_bucket{le="+Inf",verifier="exact"}' in text
    assert 'rlvr_requests_total{route="/v1/verify",status="200"}' in text
    document = httpx.get(f"{url}/openapi.json").json()
    assert {"/v1/verify", "/v1/run", "/v1/verifiers", "/v1/verifiers/{name}", "/metrics"} <= set(document["paths"])
    assert "application/x-ndjson" in document["paths"]["/v1/verify"]["post"]["responses"]["200"]["content"]


def test_kills_under_load_give_no_wrong_verdict_and_lose_no_id(url):
    """Every worker of the service is killed again and again while it judges."""
    items = [Item(str(n), "odd_process", "true" if n % 2 else "false", {"value": f"kill {n}"}) for n in range(1500)]
    stop = threading.Event()

    def killer():
        while not stop.wait(0.05):
            for stat in Path("/proc").glob("[0-9]*/stat"):
                try:
                    fields = stat.read_text().rpartition(")")[2].split()
                    name = (stat.parent / "cmdline").read_bytes()
                except OSError:
                    continue
                if b"verifiers.worker_main" in name and int(fields[3]) == int(stat.parent.name) and is_worker(fields):
                    os.kill(int(stat.parent.name), signal.SIGKILL)

    def is_worker(fields):
        parent = Path(f"/proc/{fields[1]}/cmdline")
        return parent.exists() and b"verifiers.worker_main" in parent.read_bytes()

    thread = threading.Thread(target=killer)
    thread.start()
    try:
        with Client(url) as client:
            verdicts = client.grade_many(items)
    finally:
        stop.set()
        thread.join()
    assert [verdict.id for verdict in verdicts] == [item.id for item in items]
    for item, verdict in zip(items, verdicts, strict=True):
        expected = "correct" if item.response == "true" else "incorrect"
        assert verdict.status == expected or verdict.reason == "worker_died"
    assert sum(verdict.status == "error" for verdict in verdicts) <= 15
    start = time.monotonic()
    assert post(url, row("0.5", "odd_process", {"value": "after"})).json()["score"] == 0.5
    assert time.monotonic() - start < 2.0


def test_the_clients(url):
    items = [Item(f"id-{n}", "exact", "x" if n % 2 else "y", "x") for n in range(600)]
    expected = [("correct" if n % 2 else "incorrect") for n in range(600)]
    with Client(url) as client:
        assert client.verify("exact", "X", "x", ignore_case=True).status == "correct"
        assert [verdict.status for verdict in client.grade_many(items)] == expected
        assert {verdict.id for verdict in client.completed(items)} == {item.id for item in items}
        assert client.grade(items[0]).id == "id-0"
        assert "exact" in {entry["name"] for entry in client.verifiers()}
        with pytest.raises(ServiceError, match="404: no verifier named 'exat'"):
            client.verify("exat", "x", "x")
        with pytest.raises(ServiceError, match="422: exact: reference: "):
            client.verify("exact", "x", 3)

    async def ask():
        async with AsyncClient(url) as client:
            assert (await client.verify("exact", "x", "x")).status == "correct"
            assert (await client.grade(items[1])).status == "correct"
            assert "exact" in {entry["name"] for entry in await client.verifiers()}
            assert {verdict.id async for verdict in client.completed(items)} == {item.id for item in items}
            return await client.grade_many(items)

    verdicts = asyncio.run(ask())
    assert [(verdict.id, verdict.status) for verdict in verdicts] == [
        (item.id, status) for item, status in zip(items, expected, strict=True)
    ]


def test_a_service_that_is_not_there_is_an_error_and_not_a_score():
    with Client(f"http://127.0.0.1:{free_port()}") as client:
        verdicts = client.grade_many([Item("a", "exact", "x", "x")])
        assert [(verdict.id, verdict.status, verdict.reason) for verdict in verdicts] == [("a", "error", "service")]
        with pytest.raises(ServiceError, match="cannot reach the verifier service"):
            client.verify("exact", "x", "x")


def test_keys(tmp_path, serving):
    (tmp_path / "keys").write_text(f"# two of them\n{KEY}\n\n{OTHER_KEY}\n")
    with serving("--api-key-file", tmp_path / "keys") as (url, _):
        assert httpx.get(f"{url}/healthz").status_code == 200
        assert httpx.get(f"{url}/readyz", timeout=100).status_code in (200, 503)
        wrong = ({}, {"Authorization": "Bearer wrong"}, {"Authorization": KEY}, {"Authorization": f"Basic {KEY}"})
        for path in ("/metrics", "/openapi.json", "/v1/verifiers", "/nowhere"):
            for headers in wrong:
                answer = httpx.get(f"{url}{path}", headers=headers)
                assert problem(answer)["status"] == 401
                assert answer.headers["www-authenticate"] == "Bearer"
        assert problem(post(url, row()))["status"] == 401
        for key in (KEY, OTHER_KEY):
            with Client(url, api_key=key) as client:
                assert client.verify("exact", "x", "x").score == 1.0
        with Client(url, api_key="wrong") as client, pytest.raises(ServiceError, match="401: send a valid key"):
            client.verify("exact", "x", "x")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--host", "0.0.0.0"],
            "0.0.0.0 can be reached from outside, so clients need keys; give --api-key-file, set RLVR_API_KEYS",
        ),
        (["--api-key-file", "nowhere"], "[Errno 2] No such file or directory: 'nowhere'"),
        (["--api-key-file", os.devnull], "/dev/null holds no key; write one a line"),
        (["--host", "203.0.113.1", "--api-key-file", "KEYS"], "cannot listen on 203.0.113.1 port 8000: "),
        (["--api-key-file", "SHORT"], "key 1 has under 16 characters"),
        (["--port", "0", "--batch-folder", "KEYS"], "--batch-folder: KEYS cannot be made a folder: File exists; "),
    ],
)
def test_what_cannot_be_served_is_one_line_and_exit_2(tmp_path, arguments, message):
    (tmp_path / "KEYS").write_text(KEY)
    (tmp_path / "SHORT").write_text("hunter2")
    command = [sys.executable, *SERVE, *arguments]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=100, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_taken_port_is_one_line(url):
    command = [sys.executable, *SERVE, "--port", url.rpartition(":")[2]]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "Address already in use" in done.stderr


def test_several_processes_share_a_port_and_their_numbers(serving):
    with serving("--workers", "2") as (url, _):
        for _ in range(30):
            with httpx.Client() as fresh:
                assert post(url, {"items": [row(), row("y")]}).status_code == 200
                assert fresh.get(f"{url}/healthz").status_code == 200

        def total():
            text = httpx.get(f"{url}/metrics").text
            return sum(float(line.split()[1]) for line in text.splitlines() if line.startswith("rlvr_verdicts_total"))

        wait_for(lambda: total() == 60)


def test_a_drain_finishes_what_is_under_way_and_leaves_nothing(serving, tmp_path):
    with serving(TMPDIR=str(tmp_path)) as (url, process):
        found = []
        body = row("sleep 1", "odd_process", {})
        thread = threading.Thread(target=lambda: found.append(post(url, body)))
        thread.start()
        wait_for(lambda: "rlvr_items_admitted 1" in httpx.get(f"{url}/metrics").text)
        process.send_signal(signal.SIGTERM)
        thread.join(timeout=20)
        assert found[0].json()["status"] == "error"  # "sleep" is no number, but the verifier came to its end
        assert process.wait(timeout=20) == 0
    assert list(tmp_path.iterdir()) == []


def test_the_service_is_light():
    heavy = {"torch", "ray", "vllm", "transformers", "sympy"}
    code = f"import verifiers.service, sys; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_language_without_its_tools_is_the_request_s_mistake(serving):
    """On all doors, and not a machine that is broken for the moment: who retries would retry for ever."""
    with serving(PATH="/nowhere") as (url, _):
        bodies = {
            "/v1/run": {"language": "cpp", "code": ""},
            "/run_code": {"language": "cpp", "code": ""},
            "/api/v2/execute": {"language": "c++", "version": "*", "files": [{"content": ""}]},
        }
        for path, body in bodies.items():
            answer = httpx.post(f"{url}{path}", json=body, timeout=60)
            assert answer.status_code == 422
            assert answer.json()["detail"] == "language 'cpp' needs g++: install it, or put it on PATH"
