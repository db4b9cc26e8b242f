"""An engine that is not there, or does not answer, is said in one line and in time."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import SandboxError, SandboxUnavailable, open_sandbox


@pytest.fixture
def silent_engine(tmp_path: Path) -> Iterator[str]:
    """Takes connections and never says a word."""
    path, held = tmp_path / "docker.sock", list[socket.socket]()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def take() -> None:
            while True:
                try:
                    held.append(server.accept()[0])
                except OSError:
                    return

        taker = threading.Thread(target=take)
        taker.start()
        yield f"unix://{path}"
        server.shutdown(socket.SHUT_RDWR)
        taker.join(5)
    for connection in held:
        connection.close()


def test_no_engine_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailable, match=r"no Docker engine answers at unix://.*DOCKER_HOST") as told:
        open_sandbox("docker", url=f"unix://{tmp_path}/nobody.sock")
    assert "\n" not in str(told.value)


def test_every_call_has_a_deadline(silent_engine: str) -> None:
    start = time.monotonic()
    with pytest.raises(SandboxUnavailable, match="no Docker engine answers"):
        open_sandbox("docker", url=silent_engine, timeout_s=0.5)
    assert time.monotonic() - start < 10


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(SandboxError, match="mode must be one of one-shot, workers; got 'fast'"):
        open_sandbox("docker", mode="fast")
