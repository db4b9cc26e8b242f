"""Ordinary programs do in the sandbox what they do under plain Python."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from sandbox import RunRequest, RunResult, Sandbox

FOLDER = Path(__file__).parent / "honest"


class Program(NamedTuple):
    name: str
    code: str
    stdin: str


def read_programs() -> Iterator[Program]:
    """Sections that begin with `===`, or `=== stdin=EXPRESSION`. None prints what depends on time or chance."""
    for file in sorted(FOLDER.glob("*.txt")):
        sections = re.split(r"^===(?: stdin=(.*))?\n", file.read_text(), flags=re.MULTILINE)[1:]
        for number, (stdin, code) in enumerate(zip(sections[::2], sections[1::2], strict=True)):
            yield Program(f"{file.stem}-{number}", code, eval(stdin) if stdin else "")


PROGRAMS = list(read_programs())


def plain(program: Program, folder: Path) -> tuple[int, str, str]:
    script, work = folder / "script" / "main.py", folder / "work"
    script.parent.mkdir(parents=True)
    work.mkdir()
    script.write_text(program.code)
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(work), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        ["env", "--default-signal", sys.executable, script],  # whatever those who started us ignore
        input=program.stdin.encode(),
        capture_output=True,
        cwd=work,
        env=environment,
        check=False,
        timeout=60,
    )
    return done.returncode, *(alike(out.decode(errors="replace"), script) for out in (done.stdout, done.stderr))


def sandboxed(result: RunResult) -> tuple[int | None, str, str]:
    code = result.exit_code if result.signal is None else -result.signal
    return code, *(alike(out, Path("/run/script/main.py")) for out in (result.stdout, result.stderr))


def alike(text: str, script: Path) -> str:
    return re.sub(r"0x[0-9a-f]{6,}", "ADDRESS", text.replace(str(script), "SCRIPT"))


def test_there_are_more_than_200_programs() -> None:
    assert len({program.code for program in PROGRAMS}) > 200


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_honest_programs_behave_as_under_plain_python(any_box: Sandbox, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        expected = list(pool.map(lambda program: plain(program, tmp_path / program.name), PROGRAMS))
    results = any_box.run_many(RunRequest("python", program.code, stdin=program.stdin) for program in PROGRAMS)
    different = [
        f"{program.name}: {program.code}\nsandbox ({result.status}): {sandboxed(result)}\nplain: {wanted}"
        for program, result, wanted in zip(PROGRAMS, results, expected, strict=True)
        if sandboxed(result) != wanted
    ]
    assert not different, "\n\n".join(different)
