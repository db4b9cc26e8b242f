"""What this machine allows: refuse early and say why, prove from the inside what holds, find packages to show."""

import importlib.util
import json
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from sandbox.base import SandboxError, SandboxUnavailable

_WAYS_OUT = (
    "Ways out: allow user namespaces (sysctl user.max_user_namespaces=15000; on Ubuntu also "
    "kernel.apparmor_restrict_unprivileged_userns=0; in a container, a seccomp profile that permits unshare, clone, "
    "mount and pivot_root), or use the docker backend."
)

_NAMESPACES = ("user", "pid", "net", "mnt", "ipc", "uts")
LOOK_AROUND = """
import json, os
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({
    "namespaces": {name: os.readlink(f"/proc/self/ns/{name}") for name in os.listdir("/proc/self/ns")},
    "status": {key: value.strip() for key, value in status.items()},
    "readonly": os.statvfs("/").f_flag & os.ST_RDONLY and os.statvfs("/usr").f_flag & os.ST_RDONLY,
}))
"""


def check_machine() -> None:
    """Raise SandboxUnavailable where no attempt is worth making."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        here = f"{sys.platform} on {platform.machine()}"
        raise SandboxUnavailable(f"the process sandbox needs Linux on x86_64, this is {here}; use the docker backend")
    if Path(sys.base_prefix).is_relative_to("/tmp") or Path(sys.base_prefix).is_relative_to("/run"):
        raise SandboxUnavailable(f"programs have a /tmp and a /run of their own, and Python is in {sys.base_prefix}")


def explain(failure: str) -> str:
    """One line for a fork server that could not start."""
    last = failure.strip().splitlines()[-1]
    if "[Errno" not in last:
        return f"the process sandbox could not start: {last}"
    return f"this machine does not allow the process sandbox: {last}. {_WAYS_OUT}"


def layers_seen(stdout: str, stderr: str) -> tuple[str, ...]:
    """Layers proved by a run of LOOK_AROUND."""
    try:
        seen = json.loads(stdout)
    except ValueError as error:
        raise SandboxUnavailable(f"the sandbox's self-test did not run: {stderr.strip() or stdout!r}") from error
    spaces, status = seen["namespaces"], seen["status"]
    layers = [name for name in _NAMESPACES if name in spaces and spaces[name] != _own_namespace(name)]
    # gVisor's kernel does not tell of all of these; what is not told is not counted.
    if status.get("Seccomp") == "2":
        layers.append("seccomp")
    if status.get("NoNewPrivs") == "1":
        layers.append("no-new-privs")
    if not any(int(status.get(kind, "1"), 16) for kind in ("CapEff", "CapPrm", "CapInh", "CapBnd")):
        layers.append("no-capabilities")
    if seen["readonly"]:
        layers.append("read-only-root")
    return (*layers, "rlimits")


def _own_namespace(name: str) -> str:
    return str(Path(f"/proc/self/ns/{name}").readlink())


def locate(packages: Sequence[str]) -> tuple[str, ...]:
    """Files and folders of the caller's packages; those not installed are left out."""
    found: list[str] = []
    for name in packages:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            continue
        if not name.isidentifier():
            raise SandboxError(f"packages must be top-level names, got {name!r}")
        origin = Path(spec.origin)
        home = origin.parent if spec.submodule_search_locations else origin
        libraries = home.with_name(f"{name}.libs")  # where wheels keep their shared libraries
        found += [str(path) for path in (home, libraries) if path.exists()]
    return tuple(found)
