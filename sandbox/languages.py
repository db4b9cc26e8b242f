"""The languages that programs may be written in: how each is compiled and started. One table, for all backends."""

from typing import NamedTuple

from sandbox.base import SandboxError


class Language(NamedTuple):
    """How to run a program of one language."""

    source: str
    """File name of the program."""
    run: tuple[str, ...]
    """What to start; the request's arguments follow."""
    warm: bool = False
    """Runs in the fork server's own interpreter."""
    address_space: bool = False
    """Lives with a limit on its address space, for machines without memory cgroups."""


LANGUAGES = {
    "python": Language("main.py", ("/run/script/main.py",), warm=True, address_space=True),
}


def find(name: str) -> Language:
    if name not in LANGUAGES:
        raise SandboxError(f"language must be one of {', '.join(sorted(LANGUAGES))}; got {name!r}")
    return LANGUAGES[name]


def folders() -> tuple[str, ...]:
    """Folders outside the system's own that toolchains need to see."""
    return ()
