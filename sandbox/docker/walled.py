"""Many runs in one container, each behind walls of its own, by the process backend. And what tools the image has."""

import contextlib
import json
import os
from pathlib import Path

from sandbox import languages
from sandbox.docker import frames
from sandbox.process.lane import HostLane
from sandbox.process.root import PACKAGES
from sandbox.process.zygote import Settings


def serve(preload: tuple[str, ...]) -> None:
    """Carry out jobs until the caller is gone. An exception's text, on standard error, tells the caller what it was."""
    chains = [languages.toolchain(language) for language in languages.LANGUAGES.values()]
    folders = tuple(dict.fromkeys(folder for chain in chains for folder in chain.folders))
    packages = tuple(map(str, Path(PACKAGES).glob("*")))
    lane = HostLane(Settings("contained", os.getuid(), folders, packages, preload, (), contained=True))
    lane.start()
    frames.put(frames.frame(frames.READY, b""))
    with contextlib.suppress(EOFError):
        while True:
            _serve_one(lane)
    lane.close()


def _serve_one(lane: HostLane) -> None:
    """Keeps nothing of it: the container's memory is the next run's. Raises EOFError when there is none."""
    job, stdin = frames.read_job(frames.exactly)
    for part in frames.report_parts(lane.run(job, stdin), job):
        frames.put(part)


def tell_tools() -> None:
    """For each language: folders of its executables, and the tools that are missing."""
    chains = {name: languages.toolchain(language) for name, language in languages.LANGUAGES.items()}
    told = {name: (chain.path, chain.missing) for name, chain in chains.items()}
    frames.put(frames.frame(frames.READY, json.dumps(told).encode()))
