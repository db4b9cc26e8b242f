"""The languages that programs may be written in: how each is compiled and started. One table, for all backends."""

import functools
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from sandbox.base import Limits, SandboxError

COMPILE_LIMITS = Limits(wall_s=60.0, memory_mb=2048, processes=128, file_mb=512)
"""Of the compiler's own run, whatever the program's limits are."""


class Language(NamedTuple):
    """How to make and start a program of one language.

    In the argument lists `{stem}` is the source's name without its ending, `{heap_mb}` what a virtual machine may use.
    """

    name: str
    source: str
    """File name of the program."""
    run: tuple[str, ...]
    """What to start; the request's arguments follow."""
    tools: tuple[str, ...]
    """Executables it takes. (Python's is our own interpreter.)"""
    compile: tuple[str, ...] = ()
    artifact: str = ""
    """What the compiler makes, and all that the run gets."""
    public_name: str = ""
    """Pattern in the code that decides the source's stem, for compilers that insist."""


_TABLE = (
    Language("python", "main.py", ("python3", "main.py"), ()),
    Language(
        "cpp",
        "main.cpp",
        ("./main",),
        ("g++",),
        compile=("g++", "-std=c++17", "-O2", "-o", "main", "main.cpp"),
        artifact="main",
    ),
    Language("javascript", "main.js", ("node", "main.js"), ("node",)),
    Language("go", "main.go", ("./main",), ("go",), compile=("go", "build", "-o", "main", "main.go"), artifact="main"),
    Language(
        "rust",
        "main.rs",
        ("./main",),
        ("rustc", "cc"),
        compile=("rustc", "--edition=2021", "-O", "-o", "main", "main.rs"),
        artifact="main",
    ),
    Language(
        "java",
        "Main.java",
        (
            "java",
            "-Xmx{heap_mb}m",
            "-Xss64m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            "main.jar",
            "{stem}",
        ),
        ("javac", "java", "jar"),
        compile=(
            "sh",
            "-c",
            "javac -encoding UTF-8 -d classes {stem}.java && jar --create --file main.jar -C classes .",
        ),
        artifact="main.jar",
        public_name=r"\bpublic\s+(?:(?:final|abstract|sealed|non-sealed|strictfp)\s+)*"
        r"(?:class|@?interface|enum|record)\s+(\w+)",
    ),
    Language("bash", "main.sh", ("bash", "main.sh"), ("bash",)),
)
_MARKS = {"node": "include/node", "rustc": "lib/rustlib", "go": "VERSION"} | dict.fromkeys(
    ("javac", "java", "jar"), "release"
)
"""What lies in the home of a toolchain that may be outside the system's folders."""

_LONGEST_STEM = 200
"""Bytes; a file's name takes 255."""

LANGUAGES = {language.name: language for language in _TABLE}


def find(name: str) -> Language:
    """The language of that name. Raises SandboxError for one that is not in the table."""
    if name not in LANGUAGES:
        raise SandboxError(f"language must be one of {', '.join(sorted(LANGUAGES))}; got {name!r}")
    return LANGUAGES[name]


_NOT_CODE = re.compile(
    r'//[^\n]*|/\*.*?(?:\*/|\Z)|"""(?:\\.|[^\\])*?(?:"""|\Z)|"(?:\\.|[^"\\\n])*"?|'
    r"'(?:\\.|[^'\\\n])*'?",
    re.DOTALL,
)
"""Java's comments, text blocks, strings and characters. One that does not end goes to the end: no code takes long."""


def stem(language: Language, code: str) -> str:
    """The source's name without its ending."""
    named = _public_name(language.public_name, code) if language.public_name else ""
    usable = named and len(named.encode(errors="replace")) <= _LONGEST_STEM
    return named if usable else Path(language.source).stem


def _public_name(pattern: str, code: str) -> str:
    """Of the first type that is outside of all others."""
    depth = 0
    for found in re.finditer(rf"[{{}}]|{pattern}", _NOT_CODE.sub(" ", code)):
        if found[1] and depth == 0:
            return found[1]
        depth += {"{": 1, "}": -1}.get(found[0], 0)
    return ""


class Toolchain(NamedTuple):
    """Where a language's tools are on this machine."""

    path: tuple[str, ...]
    """Folders of its executables."""
    folders: tuple[str, ...]
    """Folders that it must be able to read."""
    missing: tuple[str, ...]
    """Tools that were not found, or do not work."""
    remedy: str = "install it, or put it on PATH"


class _BrokenError(Exception):
    """A tool is there and does not work. The message says what it said."""


@functools.cache
def toolchain(language: Language) -> Toolchain:
    """Look for a language's tools on this machine's PATH, behind links and version switchers."""
    found: dict[str, Path | None] = {}
    remedies: dict[str, str] = {}
    for tool in language.tools:
        try:
            found[tool] = _locate(tool)
        except _BrokenError as error:
            found[tool], remedies["remedy"] = None, f"mend it: {error}"
    places = [place for place in found.values() if place is not None]
    homes = [str(place.parent.parent) for place in places if not _is_system(place)]
    settings = [str(folder) for folder in Path("/etc").glob("java-*") if any(folder.name in str(at) for at in places)]
    return Toolchain(
        path=tuple(dict.fromkeys(str(place.parent) for place in places)),
        folders=tuple(dict.fromkeys(homes + settings)),
        missing=tuple(tool for tool, place in found.items() if place is None),
        **remedies,
    )


def _locate(tool: str) -> Path | None:
    """The executable itself, in a system folder or in a toolchain's own; None when there is none that a run may see."""
    which = shutil.which(tool)
    if which is None:
        return None
    place = Path(which)
    # rustup's and Go's entries on PATH are only go-betweens that need the user's home.
    if tool == "rustc":
        place = Path(_ask(which, "--print", "sysroot")) / "bin" / tool
    elif tool == "go":
        place = Path(_ask(which, "env", "GOROOT")) / "bin" / tool
    elif place.resolve().name == tool:  # a link to another name (g++ -> g++-12) must keep its own
        place = place.resolve()
    # Showing the folder above an executable shows all that lies there: it must be a toolchain's, not somebody's home.
    own = tool in _MARKS and (place.parent.parent / _MARKS[tool]).exists()
    return place if own or _is_system(place) else None


def _is_system(place: Path) -> bool:
    return place.is_relative_to("/usr") or place.parent in (Path("/bin"), Path("/sbin"))


def _ask(*argv: str) -> str:
    """What a tool prints. Raises _BrokenError: a language that does not work is no reason to do without the others."""
    command = " ".join(argv)
    try:
        answer = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _BrokenError(f"`{command}` failed: {error}") from error
    if answer.returncode:
        said = next(iter(answer.stderr.strip().splitlines()), "without a word")
        raise _BrokenError(f"`{command}` failed: {said}")
    return answer.stdout.strip()
