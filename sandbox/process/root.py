"""The read-only root directory that programs see: system libraries, the interpreter, a small /etc, nothing of the user.

Built once for each fork server, in its own mount namespace. What changes from run to run (/tmp, /dev/shm, /proc) is
mounted over it by `guest`.
"""

import os
import sys
from pathlib import Path

from sandbox.process import frozen, kernel, native

PACKAGES = "/opt/packages"
"""Where chosen packages of the caller's environment appear."""

INIT = "/init"
"""The first process of each run: a program that only `native` knows."""

EMPTY = "/var/empty"
"""A file."""

USER_ID = 1000
"""Who a program is, seen from inside."""

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_DEVICES = ("null", "zero", "full", "random", "urandom")
_ETC = ("ld.so.cache", "ld.so.conf", "localtime", "timezone", "mime.types", "protocols", "services", "debian_version")
_ALTERNATIVES = Path("/etc/alternatives")
"""Debian's choice of awk, cc and the like: links that links in /usr/bin point to."""
WRITTEN = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n"
    f"sandbox:x:{USER_ID}:{USER_ID}:sandbox:/tmp:/bin/sh\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/bin/sh\n",
    "etc/group": f"root:x:0:\nsandbox:x:{USER_ID}:\nnogroup:x:65534:\n",
    "etc/hosts": "127.0.0.1 localhost sandbox\n",
    EMPTY.lstrip("/"): "",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
_SYMLINKS = {
    "dev/fd": "/proc/self/fd",
    "dev/stdin": "/proc/self/fd/0",
    "dev/stdout": "/proc/self/fd/1",
    "dev/stderr": "/proc/self/fd/2",
    "dev/shm": "/run/shm",
    "var/tmp": "/tmp",
}


def build(folders: tuple[str, ...], packages: tuple[str, ...]) -> int:
    """Make the new root and move into it. Needs CAP_SYS_ADMIN over an own mount namespace. Gives a file to freeze into.

    folders: absolute folders to show at their own path (toolchains); packages: files or folders to show below PACKAGES.
    """
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    sources = _sources(folders, packages)
    etc = settings()
    links = {str(link): str(link.readlink()) for link in (*alternatives(), *_system_links())}
    root = Path("/tmp")  # any folder will do: all sources are open by now, so nothing is lost below it
    kernel.mount("tmpfs", str(root), "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "size=8m,mode=755")
    for folder in ("proc", "tmp", "run", "dev", "etc/alternatives", "var", "root", "home"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for target, source in sources.items():
        _bind(source, root / target.lstrip("/"))
    for name, text in WRITTEN.items():
        (root / name).write_text(text)
    for name, content in etc.items():
        (root / "etc" / name).write_bytes(content)
    file = frozen.open_file(str(root / "run"))  # over which each run mounts its own
    (root / INIT.lstrip("/")).write_bytes(native.init_program())
    (root / INIT.lstrip("/")).chmod(0o111)
    for name, goal in (_SYMLINKS | links).items():
        (root / name.lstrip("/")).symlink_to(goal)
    for descriptor in sources.values():
        os.close(descriptor)
    kernel.pivot_into(str(root))
    kernel.mount("none", "/", flags=kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | kernel.MS_NOSUID)
    return file


def _sources(folders: tuple[str, ...], packages: tuple[str, ...]) -> dict[str, int]:
    """Path inside -> open descriptor, parents before children, nothing twice."""
    wanted = [path for path in _SYSTEM if Path(path).is_dir() and not Path(path).is_symlink()]
    for folder in (sys.base_prefix, sys.base_exec_prefix, *folders):
        if not any(Path(folder).is_relative_to(known) for known in wanted):
            wanted.append(folder)
    # The fork server's own /proc stays below each run's: without a visible one the kernel lets nobody mount another.
    wanted += ["/proc", *(f"/dev/{name}" for name in _DEVICES)]
    opened = {path: os.open(path, os.O_PATH) for path in wanted}
    return opened | {f"{PACKAGES}/{Path(path).name}": os.open(path, os.O_PATH) for path in packages}


def alternatives() -> list[Path]:
    return [link for link in _ALTERNATIVES.glob("*") if link.is_symlink()]


def _system_links() -> list[Path]:
    return [Path(path) for path in _SYSTEM if Path(path).is_symlink()]


def settings() -> dict[str, bytes]:
    """Small public settings, copied so that each run has fewer mounts to clone."""
    found: dict[str, bytes] = {}
    for name in _ETC:
        source = Path("/etc") / name
        if source.is_file():
            found[name] = source.read_bytes()
    return found


def _bind(source: int, target: Path) -> None:
    """Show an open file or folder at `target`, read-only."""
    path = f"/proc/self/fd/{source}"
    if Path(path).is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    kernel.mount(path, str(target), flags=kernel.MS_BIND | kernel.MS_REC)
    if not str(target).endswith("/proc"):
        kernel.make_read_only(str(target), devices="/dev/" in str(target))
