"""Clients and checkers that others wrote live in `./.venv-contract` and are started as programs."""

import json
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
BIN = HERE.parents[1] / ".venv-contract/bin"


@pytest.fixture(scope="session")
def url(serving):
    with serving() as (url, _):
        yield url


@pytest.fixture(scope="session")
def foreign():
    """`foreign("name", *arguments)`: run a program of the environment; `.py` is one of the folder `clients`."""
    if not (BIN.parent / ".ready").exists():
        pytest.skip("needs ./.venv-contract: `make test-contract` makes it")

    def run(program, *arguments, timeout=280, **more):
        start = (
            [BIN / "python", "-W", "ignore", HERE / "clients" / program] if program.endswith(".py") else [BIN / program]
        )
        command = [*map(str, start), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, **more)

    return run


@pytest.fixture(scope="session")
def told(foreign):
    """What a client's program prints as JSON in its last line."""

    def run(program, *arguments, **more):
        done = foreign(program, *arguments, **more)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    return run
