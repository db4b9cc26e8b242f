"""A real HTTP service on loopback that answers as a test tells it to."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest


class Hang(NamedTuple):
    """A reply that does not come."""

    seconds: float


class Service:
    """`answer` maps a request's JSON to a reply; `script` holds replies that come first, one a request.

    A reply is JSON, `(status, JSON)`, `(status, JSON, headers)`, raw bytes, or Hang.
    """

    def __init__(self):
        self.answer = lambda body: {}
        self.script = []
        self.requests = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                service.requests.append((self.path, dict(self.headers), body))
                service.reply(self, service.script.pop(0) if service.script else service.answer(body))

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def reply(self, handler, answer):
        if isinstance(answer, Hang):
            time.sleep(answer.seconds)
            return
        status, content, headers = 200, answer, {}
        if isinstance(answer, tuple):
            status, content, *more = answer
            headers = more[0] if more else {}
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        handler.send_response(status)
        for key, value in headers.items():
            handler.send_header(key, value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)


@pytest.fixture
def service(monkeypatch):
    for name in ("REMOTE_URL", "REMOTE_KEY", "REMOTE_ALLOW", "JUDGE_URL", "JUDGE_KEY"):
        monkeypatch.delenv(f"RLVR_{name}", raising=False)
    running = Service()
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture
def hang():
    """A reply that does not come for so many seconds."""
    return Hang


@pytest.fixture
def peer_python():
    """An interpreter with other graders, as `make .venv-peers/.ready` makes one."""
    python = Path(__file__).parents[3] / ".venv-peers/bin/python"
    if not python.exists():
        pytest.skip("no .venv-peers; `make .venv-peers/.ready` installs the graders that we compare with")
    return str(python)
