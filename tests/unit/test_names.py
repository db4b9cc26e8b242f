"""The import names `verifiers` and `sandbox` are ours, or the failure says whose they are and what to do.

PyPI has an unrelated package named `verifiers`. Each test builds one of the states in which an environment ends up when
both were installed, and imports rlvr there in a fresh interpreter.
"""

import shutil
import site
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOREIGN = '__version__ = "0.4.0"\n'
CONSTRAINTS = ROOT / "deploy/constraints.txt"


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Our three packages, as a wheel lays them out."""
    for package in ("sandbox", "verifiers", "rlvr"):
        shutil.copytree(ROOT / package, tmp_path / "ours" / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "ours"


def run(code: str, *path: Path) -> subprocess.CompletedProcess[str]:
    """In an interpreter that finds `path` first, then the dependencies; an editable install does not count (-S)."""
    script = f"import sys; sys.path[:0] = {[str(folder) for folder in path]!r}\n{code}"
    libraries = [sysconfig.get_path("purelib"), *site.getsitepackages()]
    script = script.replace("\n", f"\nsys.path += {libraries!r}\n", 1)
    return subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, timeout=60)


def test_our_own_packages_pass(installed: Path) -> None:
    done = run("import rlvr, verifiers; print(verifiers.__file__)", installed)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(installed / "verifiers/__init__.py")


def assert_refused(done: subprocess.CompletedProcess[str], name: str, owner: Path) -> None:
    message = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1
    assert message.startswith(
        f"ImportError: rlvr needs its own package {name!r}, but {owner} belongs to another project"
    )
    assert "environment of its own" in message


def test_theirs_was_installed_over_ours(installed: Path) -> None:
    (installed / "verifiers/__init__.py").write_text(FOREIGN)
    assert_refused(run("import rlvr", installed), "verifiers", installed / "verifiers")


def test_theirs_was_uninstalled_again_and_took_ours_along(installed: Path) -> None:
    (installed / "verifiers/__init__.py").unlink()
    assert_refused(run("import rlvr", installed), "verifiers", installed / "verifiers")


@pytest.mark.parametrize("name", ["verifiers", "sandbox"])
def test_theirs_comes_first_on_the_path(installed: Path, tmp_path: Path, name: str) -> None:
    foreign = tmp_path / "site-packages" / name
    foreign.mkdir(parents=True)
    (foreign / "__init__.py").write_text(FOREIGN)
    assert_refused(run("import rlvr", foreign.parent, installed), name, foreign)


def test_a_resolve_with_the_constraints_refuses_the_other_package() -> None:
    assert "verifiers<0" in CONSTRAINTS.read_text().splitlines()
