"""Jobs and reports as they cross a container's standard streams: frames of a kind, a length, and content.

Both ends may have different versions of Python, and the inner one is trusted with nothing but its own report: hence
JSON and plain bytes, and an outer end that bounds all it takes in.
"""

import json
import os
import struct
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from sandbox.lane import Job, LaneLostError, Report

HEAD = struct.Struct("!cI")
"""Kind and length of what follows."""
READY, JOB, OUT, ERR, FILE, CONTENT, REPORT = b"Y", b"J", b"O", b"E", b"N", b"C", b"R"
MOST = 1 << 16
"""Bytes in a frame from inside."""
_PLAIN = ("failure", "killed", "wait_status", "truncated", "wall_s", "cpu_s", "max_rss")

Read = Callable[[int], bytes]
"""Gives exactly so many bytes."""


def frame(kind: bytes, content: bytes) -> bytes:
    return HEAD.pack(kind, len(content)) + content


def job_parts(job: Job, stdin: bytes) -> Iterator[bytes]:
    """A job on its way in: a header, and after it the script, the standard input and the files as they are."""
    script = job.script if job.script is not None else b""
    header = job._asdict() | {
        "files": [(name, len(content)) for name, content in job.files.items()],
        "script": len(script) if job.script is not None else None,
        "stdin": len(stdin),
    }
    yield frame(JOB, json.dumps(header).encode())
    yield from (script, stdin, *job.files.values())


def read_job(read: Read) -> tuple[Job, bytes]:
    kind, size = HEAD.unpack(read(HEAD.size))
    assert kind == JOB
    header = json.loads(read(size))
    script = None if header["script"] is None else read(header["script"])
    stdin = read(header.pop("stdin"))
    files = {name: read(length) for name, length in header["files"]}
    lists = {name: tuple(header[name]) for name in ("executables", "argv", "path", "fetch")}
    return Job(**(header | lists | {"script": script, "files": files})), stdin


def report_parts(report: Report, job: Job) -> Iterator[bytes]:
    """A report on its way out."""
    for kind, stream in ((OUT, report.stdout), (ERR, report.stderr)):
        yield from _chunks(kind, stream)
    for name, content in report.files.items():
        yield frame(FILE, str(job.fetch.index(name)).encode())
        yield from _chunks(CONTENT, content)
    yield frame(REPORT, json.dumps({name: getattr(report, name) for name in _PLAIN}).encode())


def _chunks(kind: bytes, content: bytes) -> Iterator[bytes]:
    for at in range(0, len(content), MOST):
        yield frame(kind, content[at : at + MOST])


def read_report(read: Read, job: Job) -> Report:
    """Raises LaneLostError for what is no report on this job: then the inner end is not what we started there."""
    streams = {OUT: bytearray(), ERR: bytearray()}
    files: dict[str, bytearray] = {}
    room = {OUT: job.output, ERR: job.output, CONTENT: job.disk, FILE: MOST, REPORT: MOST}
    while True:
        kind, size = HEAD.unpack(read(HEAD.size))
        if size > min(MOST, room.get(kind, -1)):
            _reject(f"a frame of kind {kind!r} with {size} bytes")
        content = read(size)
        room[kind] -= size
        if kind in streams:
            streams[kind] += content
        elif kind == FILE:
            files[_name(content, job)] = bytearray()
        elif kind == CONTENT and files:
            files[next(reversed(files))] += content
        elif kind == CONTENT:
            _reject("content of no file")
        else:
            whole = {name: bytes(content) for name, content in files.items()}
            return Report(**_checked(content), stdout=bytes(streams[OUT]), stderr=bytes(streams[ERR]), files=whole)


def _name(content: bytes, job: Job) -> str:
    if not content.isdigit() or int(content) >= len(job.fetch):
        _reject(f"file {content!r}")
    return job.fetch[int(content)]


def _checked(content: bytes) -> dict[str, Any]:
    """The report's plain fields, of the types that they have."""
    try:
        told = json.loads(content)
        return {
            "failure": str(told["failure"]),
            "killed": str(told["killed"]),
            "wait_status": None if told["wait_status"] is None else int(told["wait_status"]),
            "truncated": bool(told["truncated"]),
            "wall_s": float(told["wall_s"]),
            "cpu_s": float(told["cpu_s"]),
            "max_rss": int(told["max_rss"]),
        }
    except (ValueError, TypeError, KeyError) as error:
        _reject(str(error))


def _reject(what: str) -> NoReturn:
    raise LaneLostError(f"the container sent what is no report: {what}")


def put(content: bytes) -> None:
    """Write to standard output, inside."""
    view = memoryview(content)
    while view:
        view = view[os.write(1, view) :]


def exactly(count: int) -> bytes:
    """Read from standard input, inside. Raises EOFError when the caller is gone."""
    parts: list[bytes] = []
    while count:
        part = os.read(0, min(count, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
