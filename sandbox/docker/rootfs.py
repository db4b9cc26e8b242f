"""A root file system made of this machine's own files, for machines that reach no registry.

It holds Python, a shell and the usual commands, chosen languages, and what these need. Debian's package database says
what belongs to a command and what that depends on; elsewhere only a command itself and its shared libraries come.
"""

import contextlib
import io
import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from sandbox import languages
from sandbox.process import probe, root
from sandbox.process.lane import interpreter

_COMMANDS = ("sh", "bash", "ls", "find", "grep", "sed", "awk", "diff", "tar", "gzip", "hostname", "ps", "locale")
_PACKAGES = ("tzdata", "libc-bin", "base-files")
_LEFT_OUT = re.compile(
    r"/usr/share/(doc|man|info|locale|lintian|bug)/|/python3[.\d]*/(test|idlelib|turtledemo|ensurepip|config-[^/]*)/"
)
_OTHERS_PACKAGES = re.compile(r"/(site|dist)-packages/")
_FOLDERS = ("proc", "sys", "dev", "tmp", "run", "var", "etc", "home", "root", "opt/packages")
_ASK_S = 60
_CHUNK = 1 << 20


def tar(chosen: Iterable[str], passwd: str, group: str) -> Iterator[bytes]:
    """A tar stream. chosen: languages whose tools come along; passwd, group: further lines of these files."""
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w|", format=tarfile.GNU_FORMAT) as archive:
            _Root(archive).fill(chosen, passwd, group)
        file.seek(0)
        while chunk := file.read(_CHUNK):
            yield chunk


class _Root:
    """Adds each path once, with the folders above it."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive
        self._added: set[str] = set()

    def fill(self, chosen: Iterable[str], passwd: str, group: str) -> None:
        for folder in _FOLDERS:
            self._make(folder, tarfile.DIRTYPE)
        for name, text in root.WRITTEN.items():
            self._write(name, text + {"etc/passwd": passwd, "etc/group": group}.get(name, ""))
        for name, content in root.settings().items():
            self._write(f"etc/{name}", content)
        self._make("var/tmp", tarfile.SYMTYPE, "/tmp")
        for path in _wanted(chosen):
            self.add(path)
        self._make("usr/local/bin/python3", tarfile.SYMTYPE, interpreter())
        for package in probe.locate(("numpy",)):
            for path in _below(Path(package)):
                self._put(path, f"opt/packages/{path.relative_to(Path(package).parent)}")
        for link in root.alternatives():
            if str(link.resolve())[1:] in self._added:
                self.add(link)

    def add(self, path: Path) -> None:
        """A file, folder or link at its own place; and what a link leads to."""
        for folder in reversed(path.parents):
            if folder.is_symlink():  # /bin and its like
                self.add(folder.parent / folder.readlink())
                self._put(folder, str(folder)[1:])
                return self.add(folder.resolve() / path.relative_to(folder))
        with contextlib.suppress(OSError):
            if path.is_symlink():
                self._put(path, str(path)[1:])
                self.add(Path(os.path.normpath(path.parent / path.readlink())))
            elif path.exists():
                self._put(path, str(path)[1:])
        return None

    def _put(self, path: Path, name: str) -> None:
        if name in self._added or not name or "\0" in name:
            return
        kind = path.lstat().st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind) or stat.S_ISLNK(kind)):
            return
        self._added.add(name)
        entry = self._archive.gettarinfo(path, name)
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        entry.mode &= 0o755
        if entry.islnk():  # tarfile's hard links follow inodes: each name gets its content
            entry.type, entry.size = tarfile.REGTYPE, path.stat().st_size
        if entry.isreg():
            with path.open("rb") as file:
                self._archive.addfile(entry, file)
        else:
            self._archive.addfile(entry)

    def _make(self, name: str, kind: bytes, goal: str = "") -> None:
        if name not in self._added:
            self._added.add(name)
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname, entry.mode = kind, goal, 0o755
            self._archive.addfile(entry)

    def _write(self, name: str, content: str | bytes) -> None:
        data = content.encode() if isinstance(content, str) else content
        self._added.add(name)
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(data), 0o644
        self._archive.addfile(entry, io.BytesIO(data))


def _wanted(chosen: Iterable[str]) -> Iterator[Path]:
    found = [path for name in _COMMANDS if (path := shutil.which(name))]
    for name in chosen:
        chain = languages.toolchain(languages.find(name))
        for folder in chain.folders:
            yield from _below(Path(folder))
        found += [f"{folder}/{tool}" for tool in languages.find(name).tools for folder in chain.path]
    python = [Path(interpreter()), *_library()]
    yield from python
    files = [Path(path) for path in found if Path(path).exists()]
    yield from files
    yield from _of_packages(files)
    numpy = [path for package in probe.locate(("numpy",)) for path in _below(Path(package))]
    yield from _libraries([*python, *files, *numpy])


def _library() -> Iterator[Path]:
    """The standard library, without what was installed beside it."""
    base = {"base": sys.base_prefix, "installed_base": sys.base_prefix, "platbase": sys.base_exec_prefix}
    return _below(Path(sysconfig.get_path("stdlib", vars=base)), _OTHERS_PACKAGES)


def _below(folder: Path, besides: re.Pattern[str] = _LEFT_OUT) -> Iterator[Path]:
    """A folder and all in it that is wanted. besides: what else is not."""
    yield folder
    for here, folders, files in os.walk(folder):
        wanted = (name for name in folders if not any(each.search(f"{here}/{name}/") for each in (_LEFT_OUT, besides)))
        folders[:] = sorted(wanted)
        yield from (Path(here, name) for name in (*folders, *sorted(files)))


def _libraries(files: list[Path]) -> list[Path]:
    """Shared libraries that these load."""
    elf = [str(path) for path in files if not path.suffix.startswith(".py") and _is_elf(path)]
    told = _ask("ldd", *elf) if elf else ""
    paths = {os.path.normpath(path) for path in re.findall(r"(?:=> |^\s+)(/\S+) \(", told, re.MULTILINE)}
    return [Path(path) for path in sorted(paths) if not _OTHERS_PACKAGES.search(path)]  # a package's own come with it


def _is_elf(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _of_packages(files: list[Path]) -> Iterator[Path]:
    """All files of the Debian packages that own these, and of those that these depend on."""
    if shutil.which("dpkg-query") is None:
        return
    places = {str(path.resolve()) for path in files}
    places |= {place.removeprefix("/usr") for place in places}  # what is in /usr/bin may be known as in /bin
    owners = {line.split(":")[0] for line in _ask("dpkg-query", "-S", *sorted(places)).splitlines()} | set(_PACKAGES)
    needs, provided = _dependencies()
    closure: set[str] = set()
    while owners:
        name = owners.pop()
        name = name if name in needs else provided.get(name, "")
        if name and name not in closure:
            closure.add(name)
            owners |= needs[name]
    for line in _ask("dpkg-query", "-L", *sorted(closure)).splitlines():
        path = Path(line)
        if line.startswith("/") and line != "/." and not _LEFT_OUT.search(line) and not path.is_dir():
            yield path


def _dependencies() -> tuple[dict[str, set[str]], dict[str, str]]:
    """Installed package -> names that it depends on; provided name -> package that provides it."""
    needs: dict[str, set[str]] = {}
    provided: dict[str, str] = {}
    told = _ask("dpkg-query", "-W", "-f", "${Package}\t${Pre-Depends}, ${Depends}\t${Provides}\n")
    for line in told.splitlines():
        name, depends, provides = line.split("\t")
        needs[name] = set(re.findall(r"(?:^|[,|])\s*([a-z0-9][a-z0-9.+-]+)", depends))
        provided |= dict.fromkeys(re.findall(r"(?:^|,)\s*([a-z0-9][a-z0-9.+-]+)", provides), name)
    return needs, provided


def _ask(*argv: str | Path) -> str:
    """What a command prints; some of what is asked for may be unknown to it."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_ASK_S, check=False)
    return done.stdout
