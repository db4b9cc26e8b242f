"""What a backend has one of for each run at a time: it is given a job and gives back a report."""

from typing import NamedTuple, Protocol


class Job(NamedTuple):
    """One run as the host and the guest see it. Sizes in bytes, time in seconds."""

    wall_s: float
    memory: int
    processes: int
    output: int
    disk: int
    files: dict[str, bytes]
    executables: tuple[str, ...]
    """Those of `files` that may be executed."""
    argv: tuple[str, ...]
    """What to execute, and its arguments; for a script its path and arguments."""
    script: bytes | None
    """Python for the warm interpreter. None: execute argv."""
    path: tuple[str, ...]
    """Folders to look for executables in, before the system's."""
    fetch: tuple[str, ...]
    address_space: bool
    """Whether the language lives with a limit on its address space."""


class Report(NamedTuple):
    """What the host saw of one run."""

    failure: str
    """The sandbox's own failure; the rest says nothing then."""
    killed: str
    """Why the host killed the run: "", "timeout", "output", "memory"."""
    wait_status: int | None
    """As from waitpid; None when the program's init died without a word."""
    stdout: bytes
    stderr: bytes
    truncated: bool
    wall_s: float
    cpu_s: float
    max_rss: int
    files: dict[str, bytes]


class LaneLostError(Exception):
    """The process or container of a lane died, or did not answer in time, while it held a run."""


class Lane(Protocol):
    """Carries out one job at a time, for whoever has it. Only `close` may come from another thread meanwhile."""

    def run(self, job: Job, stdin: bytes) -> Report:
        """Raises LaneLostError when no answer came; the next call begins afresh, also after an interrupt."""

    def close(self) -> None:
        """End it, and the run that is on. Can be called twice."""
