"""`pip install .` without extras is the verifier service: complete, and without torch, ray or vllm.

Needs a package index, or pip's and uv's caches; skips with a reason where there is neither.
"""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONSTRAINTS = ROOT / "deploy/constraints.txt"
UV = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
ABSENT = ["torch", "ray", "vllm", "transformers", "trl", "numpy", "pytest"]

pytestmark = [pytest.mark.slow, pytest.mark.skipif(UV is None, reason="needs uv: `make test` installs it")]


def uv(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([UV, *map(str, arguments)], capture_output=True, text=True, timeout=200)


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the project installed as a wheel, without extras."""
    home = tmp_path_factory.mktemp("core")
    made = uv("venv", "--quiet", "--python", sys.executable, home / "venv")
    assert made.returncode == 0, made.stderr
    python = home / "venv/bin/python"
    reachable = uv("pip", "install", "--dry-run", "--python", python, "hatchling")
    if reachable.returncode:
        pytest.skip(f"no package index: {reachable.stderr.strip().splitlines()[-1].strip()}")
    done = uv("pip", "install", "--python", python, "-c", CONSTRAINTS, ROOT)
    assert done.returncode == 0, done.stderr
    return home


def run(core: Path, *command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """In the fresh environment, outside the source tree."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    program = core / "venv/bin" / command[0]
    return subprocess.run(
        [program, *command[1:]], input=stdin, capture_output=True, text=True, timeout=120, cwd=core, env=clean
    )


def test_the_service_imports_and_the_heavy_libraries_are_not_there(core: Path) -> None:
    code = f"""
import importlib.util, verifiers, sandbox, verifiers.service, rlvr.loop
print(sandbox.__file__)
print([name for name in {ABSENT!r} if importlib.util.find_spec(name)])
"""
    done = run(core, "python", "-W", "error", "-c", code)
    assert done.returncode == 0, done.stderr
    where, present = done.stdout.splitlines()
    assert Path(where).is_relative_to(core / "venv")
    assert present == "[]"


def test_every_verifier_can_be_loaded(core: Path) -> None:
    code = "from verifiers import registry; print([registry.load(name).name for name in registry.names()])"
    done = run(core, "python", "-W", "error", "-c", code)
    assert done.returncode == 0, done.stderr


def test_answers_are_judged_from_the_command_line(core: Path) -> None:
    rows = [
        {"id": "a", "verifier": "math", "response": "It is \\boxed{1/2}.", "reference": "0.5"},
        {"id": "b", "verifier": "exact", "response": "Rome", "reference": "Paris"},
    ]
    done = run(core, "rlvr", "verify", stdin="".join(json.dumps(row) + "\n" for row in rows))
    assert done.returncode == 0, done.stderr
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(verdict["id"], verdict["status"]) for verdict in verdicts] == [("a", "correct"), ("b", "incorrect")]


def test_training_without_its_extra_says_what_to_install(core: Path) -> None:
    (core / "rl.toml").write_text('stage = "rl"\nmodel = "base"\nout = "out"\n[tasks]\ntrain = "gsm8k"\n')
    done = run(core, "rlvr", "rl", "rl.toml")
    assert done.returncode == 2
    assert "rlvr[train]" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_wheel_holds_every_file_of_the_packages(core: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "rlvr", "verifiers", "sandbox"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    [installed] = (core / "venv/lib").glob("python3*/site-packages")
    files = [file for file in listed.stdout.splitlines() if (ROOT / file).exists()]
    assert [file for file in files if not (installed / file).is_file()] == []


def test_the_constraints_refuse_the_unrelated_package_of_our_import_name(core: Path) -> None:
    done = uv("pip", "install", "--dry-run", "--python", core / "venv/bin/python", "-c", CONSTRAINTS, "verifiers")
    assert done.returncode == 1
    assert "verifiers<0" in done.stderr


def test_every_dependency_is_pinned(core: Path) -> None:
    """What the fresh environment got is what was tested, and so is what the other extras ask for."""
    pinned = {line.partition("==")[0] for line in CONSTRAINTS.read_text().splitlines() if "==" in line}
    frozen = uv("pip", "freeze", "--python", core / "venv/bin/python").stdout.splitlines()
    assert [line for line in frozen if "==" in line and line.partition("==")[0] not in pinned] == []
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    asked = {line.split(">")[0].split("[")[0] for extra in ("train", "view", "dev") for line in extras[extra]}
    assert asked - pinned == set()
