"""Attacks are contained: ours and the corpus below RLVR_TEST_DATA; as this user and as nobody."""

import importlib.util
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from runpy import run_path

import pytest

from sandbox import SandboxUnavailable, open_sandbox
from sandbox.base import Sandbox

HERE = Path(__file__).parent
KIT = run_path(str(HERE / "sandbox_attacks.py"))
DATA = os.environ.get("RLVR_TEST_DATA")
CORPUS = Path(DATA) / "attacks" if DATA else None
NOBODY = 65534
SDK = ("docker", "requests", "urllib3", "idna", "certifi", "charset_normalizer")
"""Docker's, with what it imports: our environment may be in somebody's home."""
TAKES_ITS_TIME = (
    "infinite", "sleep", "fork_bomb", "ignore_sigterm", "zip_bomb", "loop", "memory", "huge_integer", "locks",
    "mappings", "deadline", "stopped", "clear_away", "wait_for_room",
)  # fmt: skip
OURS = KIT["ours"]()
REPEATS = int(os.environ.get("RLVR_ATTACK_REPEATS", "1"))
QUICK = [name for name in OURS if not any(word in name for word in TAKES_ITS_TIME)]


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOKEN", f"SECRET-{secrets.token_hex(16)}")
        try:
            sandbox = open_sandbox("process")
        except SandboxUnavailable as error:
            pytest.skip(str(error))
        with sandbox:
            yield sandbox


@pytest.mark.parametrize("name", QUICK)
def test_an_attack_of_ours_is_contained(box: Sandbox, name: str) -> None:
    finding = KIT["carry_out"](box, name, *OURS[name])
    assert not finding.faults, finding


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(OURS) - set(QUICK)))
def test_a_lasting_attack_of_ours_is_contained(box: Sandbox, name: str) -> None:
    finding = KIT["carry_out"](box, name, *OURS[name])
    assert not finding.faults, finding


@pytest.mark.slow
@pytest.mark.skipif(CORPUS is None, reason="RLVR_TEST_DATA is not set: no attack corpus")
def test_the_corpus_is_contained(box: Sandbox) -> None:
    assert CORPUS is not None
    findings = list(KIT["carry_out_all"](box, KIT["corpus"](CORPUS), REPEATS))
    assert len(findings) > 30
    assert not [finding for finding in findings if finding.faults]


@pytest.mark.docker
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", ["one-shot", "workers"])
def test_all_are_contained_on_docker(open_kind: Callable[[str], Sandbox], kind: str) -> None:
    with open_kind(kind) as box:
        findings = list(KIT["carry_out_all"](box, KIT["everything"](CORPUS), REPEATS))
    assert len(findings) >= len(OURS)
    assert not [finding for finding in findings if finding.faults]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_all_are_contained_for_nobody() -> None:
    _check_as_nobody()


@pytest.mark.docker
@pytest.mark.timeout(1800)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
@pytest.mark.parametrize("kind", ["one-shot", "workers"])
def test_all_are_contained_on_docker_for_nobody(docker_url: str, kind: str) -> None:
    socket = Path(docker_url.removeprefix("unix://"))
    if not socket.is_socket():
        pytest.skip(f"{docker_url} is no socket of this machine, whose rights could be lent to nobody")
    rights = {path: path.stat().st_mode for path in (socket, socket.parent)}
    try:
        socket.chmod(0o666)
        socket.parent.chmod(rights[socket.parent] | 0o011)
        _check_as_nobody(kind, docker_url)
    finally:
        for path, mode in rights.items():
            path.chmod(mode)


def _check_as_nobody(*docker: str) -> None:
    """docker: its mode and its URL; else on the process backend."""
    python = _interpreter_for_all()
    # Not tmp_path: its parents are closed to others.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copytree(HERE.parents[1] / "sandbox", folder / "sandbox")
        for package in SDK if docker else ():
            found = importlib.util.find_spec(package)
            assert found is not None
            assert found.origin is not None
            shutil.copytree(Path(found.origin).parent, folder / package)
        for file in ("sandbox_attacks.py", "attacks.txt"):
            shutil.copy(HERE / file, folder)
        if CORPUS is not None:
            shutil.copytree(CORPUS, folder / "attacks")
        subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
        done = subprocess.run(
            [python, folder / "sandbox_attacks.py", folder / "attacks" if CORPUS else "-", str(REPEATS), *docker],
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            env={"PYTHONPATH": name, "PATH": "/usr/bin:/bin", "TOKEN": f"SECRET-{secrets.token_hex(16)}"},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            timeout=1700,
        )
    assert done.returncode == 0, done.stderr
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    if findings and "unavailable" in findings[0]:
        pytest.skip(findings[0]["unavailable"])
    assert len(findings) >= len(OURS)
    assert not [finding for finding in findings if finding[2]]


def _interpreter_for_all() -> str:
    """A Python 3.11 that nobody may run: ours may be in somebody's home."""
    for python in (sys.executable, "/usr/bin/python3.11", "/usr/bin/python3"):
        probe = [python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
        try:
            if subprocess.run(probe, user=NOBODY, group=NOBODY, extra_groups=[], check=False).returncode == 0:
                return python
        except OSError:
            continue
    pytest.skip("nobody may run none of the Python 3.11 interpreters here")
