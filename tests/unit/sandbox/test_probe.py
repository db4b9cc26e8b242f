"""What is said where the walls cannot be built."""

import json
import shutil
import subprocess
import sys

import pytest

from sandbox import SandboxUnavailable
from sandbox.process import probe
from sandbox.process.backend import ProcessSandbox


def test_a_refused_namespace_is_explained_with_the_ways_out() -> None:
    told = probe.explain("Traceback ...\nOSError: [Errno 28] unshare: No space left on device")
    assert told.startswith("this machine does not allow the process sandbox: OSError: [Errno 28] unshare")
    assert "user.max_user_namespaces" in told
    assert "docker backend" in told


def test_without_user_namespaces_nothing_is_opened() -> None:
    """In a namespace whose own limit is 0, so that nobody else notices."""
    if not shutil.which("unshare"):
        pytest.skip("no unshare (util-linux) here")
    code = "import sandbox; sandbox.open_sandbox('process')"
    script = f'echo 0 > /proc/sys/user/max_user_namespaces && exec {sys.executable} -c "{code}"'
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if "unshare" in done.stderr.partition("\n")[0]:
        pytest.skip(done.stderr)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("sandbox.base.SandboxUnavailable: this machine does not allow the process sandbox")
    assert "or use the docker backend" in last


def test_other_failures_are_said_as_they_are() -> None:
    told = probe.explain("Traceback ...\nModuleNotFoundError: No module named 'nonsense'")
    assert told == "the process sandbox could not start: ModuleNotFoundError: No module named 'nonsense'"


def test_a_module_that_cannot_be_preloaded_is_told_at_once() -> None:
    with pytest.raises(SandboxUnavailable, match="No module named 'no_such_module'"):
        ProcessSandbox(preload=["no_such_module"])


def test_layers_are_those_seen_from_the_inside() -> None:
    status = {"CapEff": "0", "CapPrm": "0", "CapInh": "0", "CapBnd": "1", "NoNewPrivs": "1", "Seccomp": "0"}
    seen = {"namespaces": {"user": "user:[1]"}, "status": status, "readonly": 0}
    assert probe.layers_seen(json.dumps(seen), "") == ("user", "no-new-privs", "rlimits")


def test_a_self_test_that_does_not_run_is_no_sandbox() -> None:
    with pytest.raises(SandboxUnavailable, match="self-test did not run: 'boom'"):
        probe.layers_seen("", "boom")


def test_packages_that_are_not_installed_are_left_out() -> None:
    assert probe.locate(["no_such_package_at_all"]) == ()
    assert any(path.endswith("/pytest") for path in probe.locate(["pytest"]))
