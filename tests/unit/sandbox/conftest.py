"""One process sandbox for all tests of the area: opening it takes a fifth of a second."""

from collections.abc import Iterator

import pytest

from sandbox import SandboxUnavailable
from sandbox.process.backend import ProcessSandbox


@pytest.fixture(scope="session")
def box() -> Iterator[ProcessSandbox]:
    try:
        sandbox = ProcessSandbox(parallel=2)
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    with sandbox:
        yield sandbox
