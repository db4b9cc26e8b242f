"""Jobs and reports cross a container's streams whole; what is no report is not believed."""

import io
import json

import pytest

from sandbox.docker import frames
from sandbox.lane import Job, LaneLostError, Report

JOB = Job(
    wall_s=1.5,
    memory=1 << 20,
    processes=3,
    output=200_000,
    disk=300_000,
    files={"a": b"\0\xff", "d/b": b""},
    executables=("a",),
    argv=("main.py", "\udcff"),
    script=b"print(1)",
    path=("/x",),
    fetch=("f", "g"),
    address_space=True,
)
REPORT = Report("", "timeout", 9, b"o" * 150_000, b"e", True, 1.25, 0.5, 7, {"g": b"\0" * 100_000, "f": b""})


def reader(content: bytes) -> frames.Read:
    stream = io.BytesIO(content)

    def read(count: int) -> bytes:
        got = stream.read(count)
        if len(got) < count:
            raise ConnectionResetError
        return got

    return read


@pytest.mark.parametrize("job", [JOB, JOB._replace(script=None), JOB._replace(script=b"", files={})])
def test_a_job_arrives_as_it_was(job: Job) -> None:
    assert frames.read_job(reader(b"".join(frames.job_parts(job, b"stdin\n")))) == (job, b"stdin\n")


def test_a_report_arrives_as_it_was() -> None:
    assert frames.read_report(reader(b"".join(frames.report_parts(REPORT, JOB))), JOB) == REPORT


def test_of_a_program_that_died_without_a_word() -> None:
    report = REPORT._replace(wait_status=None, files={}, stdout=b"")
    assert frames.read_report(reader(b"".join(frames.report_parts(report, JOB))), JOB) == report


@pytest.mark.parametrize(
    "content",
    [
        frames.frame(b"?", b"x"),
        frames.HEAD.pack(frames.OUT, 1 << 30),
        frames.frame(frames.OUT, b"x" * 60_000) * 4,
        frames.frame(frames.FILE, b"0") + frames.frame(frames.CONTENT, b"x" * 60_000) * 6,
        frames.frame(frames.FILE, b"2"),
        frames.frame(frames.FILE, b"-1"),
        frames.frame(frames.CONTENT, b"of no file"),
        frames.frame(frames.REPORT, b"{}"),
        frames.frame(frames.REPORT, b"\xff"),
        frames.frame(frames.REPORT, json.dumps([1]).encode()),
    ],
)
def test_what_is_no_report_is_refused(content: bytes) -> None:
    with pytest.raises(LaneLostError, match="no report"):
        frames.read_report(reader(content), JOB)
