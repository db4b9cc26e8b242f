"""One process sandbox for all tests of the area: opening it takes a fifth of a second."""

from collections.abc import Callable, Iterator

import pytest

from sandbox import Sandbox


@pytest.fixture(scope="session")
def box(open_kind: Callable[[str], Sandbox]) -> Iterator[Sandbox]:
    with open_kind("process") as sandbox:
        yield sandbox
