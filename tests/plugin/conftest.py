"""The plug-in of this folder, built and installed as any other package is, but into a folder of the test's own."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from verifiers import registry

SOURCE = Path(__file__).parent / "palindrome"


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """A folder with the installed package and its metadata."""
    home = tmp_path_factory.mktemp("plugin")
    source = shutil.copytree(SOURCE, home / "source")
    target = home / "site"
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture
def plugin(site, monkeypatch):
    """The package on the path, known to the registry while the test runs."""
    monkeypatch.syspath_prepend(str(site))
    registry.refresh()
    yield site
    monkeypatch.undo()
    sys.modules.pop("rlvr_palindrome", None)
    registry.refresh()
