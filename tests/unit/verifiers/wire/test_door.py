import asyncio
import time

import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from sandbox import RunRequest, RunResult
from verifiers import problems
from verifiers.admission import Limits, Queue
from verifiers.call import Item
from verifiers.judging import Service
from verifiers.wire import door

PATIENCE = door.Patience(0.4, 504)


@pytest.fixture
def app():
    """One route that waits, works for the seconds it is told, and has room for one at a time."""
    app = FastAPI()
    app.state.service = Service(Limits(queue=1, items=1), [], 1, None)
    problems.install(app)

    @app.get("/work")
    async def work(request: Request, seconds: float) -> str:
        async def sleep() -> str:
            await asyncio.sleep(seconds)
            return "done"

        return await door.attended(request, sleep, 1, PATIENCE)

    @app.get("/judge")
    async def judge(request: Request) -> str:
        [verdict] = await door.judged(request, [Item("", "exact", "x", "x")], PATIENCE)
        return verdict.status

    return app


def test_a_client_waits_for_room_and_is_told_to_come_back_when_there_is_none(app):
    queue = app.state.service.queue
    with TestClient(app) as client:
        assert client.get("/work?seconds=0").json() == "done"
        queue.enter("", 1)
        start = time.monotonic()
        refused = client.get("/work?seconds=0")
        assert 0.3 < time.monotonic() - start < 5.0
        assert (refused.status_code, refused.json()["type"], refused.headers["retry-after"]) == (504, "busy", "1")
        queue.leave("", 1)
        assert client.get("/judge").json() == "correct"
        assert client.get("/work?seconds=9").status_code == 504  # room, but no end
        assert (queue.admitted, queue.waiting) == (0, 0)


class Broken:
    """A service whose sandbox ends every run as the test says."""

    def __init__(self, end):
        self.queue, self.end = Queue(Limits()), end

    async def run(self, program, key):
        if isinstance(self.end, Exception):
            raise self.end
        return self.end


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (RunResult("sandbox_error", stderr="lost"), 504),
        (problems.Problem(503, "no sandbox here", "no-sandbox"), 504),
        (problems.Problem(422, "no such language"), 422),
    ],
)
def test_a_sandbox_that_fails_is_what_the_client_tries_again_and_no_outcome(end, status):
    app = FastAPI()
    app.state.service = Broken(end)
    problems.install(app)

    @app.get("/run")
    async def run(request: Request) -> str:
        return (await door.run(request, RunRequest("python", ""), PATIENCE)).status

    with TestClient(app) as client:
        answer = client.get("/run")
        assert (answer.status_code, answer.headers.get("retry-after")) == (status, "1" if status == 504 else None)


def test_a_program_gets_limits_that_make_sense():
    program = door.program("nodejs", "1", {"nodejs": "javascript"}, 1e9, 1e9, stdin="x")
    assert isinstance(program, RunRequest)
    assert (program.language, program.limits.wall_s, program.limits.memory_mb) == ("javascript", 600.0, 4096)
    assert door.program("python", "\ud800", {}, 0, 0).code == "\ufffd"
    with pytest.raises(problems.Problem, match="language must be one of bash, cpp"):
        door.program("cobol", "", {}, 1, 64)
