"""From a request to the jobs that carry it out: one for a script, two for a program that must be compiled first."""

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from sandbox import languages
from sandbox.base import LanguageUnavailable, Limits, RunRequest, SandboxError
from sandbox.lane import Job
from sandbox.languages import Language, Toolchain
from sandbox.process.walls import INODES, SCRIPT

_MOST = {"wall_s": 86_400, "memory_mb": 1 << 20, "processes": 1 << 15, "output_bytes": 1 << 30, "file_mb": 1 << 20}
"""Of each limit. Far beyond these, kernel and clock count no further."""
_LEAST_MEMORY_MB = 16
_HEAP_SHARE = 0.75
"""Of the memory limit; the rest is for a virtual machine's own needs."""
_MOST_BYTES = 1 << 30
_MOST_FETCH_BYTES = 1 << 14
_LONGEST_ARG = (1 << 17) - 1
_MOST_ARGS_BYTES = 1 << 20
"""Half of what the kernel lets pass, pointers and environment included."""
_MOST_ENTRIES = INODES - 192
"""Of the file system, with some left to the program."""
_LONGEST_NAME = 255
_LONGEST_PATH = 1024
_BLOCK = 4096
_LONG_LINK = 100
"""A link to a longer name takes a block."""


def check(request: RunRequest) -> Language:
    """The request's language. Raises SandboxError for paths that leave the working folder, limits that are none, ..."""
    language = languages.find(request.language)
    _check_limits(request.limits)
    _check_paths(request)
    _check_layout(request, language)
    _check_sizes(request, language)
    return language


def _check_limits(limits: Limits) -> None:
    for name, most in _MOST.items():
        if not 0 < getattr(limits, name) <= most:
            raise SandboxError(f"limits.{name} must be above 0 and at most {most}, got {getattr(limits, name)!r}")
    if limits.memory_mb < _LEAST_MEMORY_MB:
        raise SandboxError(f"limits.memory_mb must be at least {_LEAST_MEMORY_MB}, got {limits.memory_mb}")


def _check_paths(request: RunRequest) -> None:
    for path in (*request.files, *request.fetch):
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or str(pure) != path or path == "." or "\0" in path:
            raise SandboxError(f"paths must be relative and plain, like 'folder/name.txt', got {path!r}")
        whole = _for_kernel(path)
        if len(whole) > _LONGEST_PATH or any(len(name) > _LONGEST_NAME for name in whole.split(b"/")):
            raise SandboxError(
                f"paths must be at most {_LONGEST_PATH} bytes, {_LONGEST_NAME} between slashes, got {path[:80]!r}"
            )
    if sum(len(_for_kernel(path)) for path in request.fetch) > _MOST_FETCH_BYTES:
        raise SandboxError(f"the paths to fetch must be at most {_MOST_FETCH_BYTES} bytes together")


def _check_layout(request: RunRequest, language: Language) -> None:
    """That the files can lie beside each other, and beside the program."""
    folders = {str(folder) for path in request.files for folder in PurePosixPath(path).parents} - {"."}
    if both := folders & request.files.keys():
        raise SandboxError(f"{min(both)!r} is among the files and a folder of others, it cannot be both")
    entries = len(request.files) + len(folders) + len(_links(request, language))
    if entries > _MOST_ENTRIES:
        what = "files, their folders and a link for each name at the top"
        raise SandboxError(f"{what} must be at most {_MOST_ENTRIES} together, got {entries}")
    if language.name == "python":  # its script lies elsewhere
        return
    source = _source(language, request.code)
    # A name that the program gave itself, as classes of Java do, goes before a file's: it is no reason to refuse.
    fixed = {language.artifact, source} & {language.artifact, language.source}
    if taken := fixed & request.files.keys() | {language.artifact, source} & folders:
        raise SandboxError(f"{min(taken)!r} is the program itself and cannot be among the files too")


def _check_sizes(request: RunRequest, language: Language) -> None:
    args = [_for_kernel(argument) for argument in request.args]
    if any(b"\0" in argument for argument in args):
        raise SandboxError("args must not contain NUL characters")
    if any(len(argument) > _LONGEST_ARG for argument in args):
        raise SandboxError(f"each of args must be at most {_LONGEST_ARG} bytes")
    if sum(len(argument) + 9 for argument in args) > _MOST_ARGS_BYTES:
        raise SandboxError(f"args must be at most {_MOST_ARGS_BYTES} bytes together, with 9 more for each")
    contents = (encode(request.code), *request.files.values())
    if sum(map(len, (encode(request.stdin), *contents))) > _MOST_BYTES:
        raise SandboxError("code, stdin and files together must be at most 1 GiB")
    links = sum(_BLOCK for name in _links(request, language) if len(_for_kernel(name)) > _LONG_LINK)
    needed, room, who = room_for(contents) + links, request.limits.file_mb, "limits.file_mb"
    if language.compile and room > languages.COMPILE_LIMITS.file_mb:
        room, who = languages.COMPILE_LIMITS.file_mb, "compiling"
    if needed > room << 20:
        raise SandboxError(f"code and files need {needed} bytes, {who} leaves room for {room << 20}")


def room_for(contents: Iterable[bytes]) -> int:
    """What these may take as files: each a broken block more."""
    return sum(len(content) + _BLOCK for content in contents)


def _links(request: RunRequest, language: Language) -> set[str]:
    """Names at the top of the files: a script, which lies elsewhere, has a link to each beside it."""
    return {path.partition("/")[0] for path in request.files} if language.name == "python" else set()


def encode(text: str | bytes) -> bytes:
    """As a program or its input comes, whatever characters are in it."""
    return text.encode(errors="surrogatepass") if isinstance(text, str) else text


def _for_kernel(text: str) -> bytes:
    """A path or an argument. Lone surrogates stand for single bytes, as everywhere in Python, or for nothing."""
    with contextlib.suppress(UnicodeEncodeError):
        encoded = text.encode(errors="surrogateescape")
        if encoded.decode(errors="surrogateescape") == text:  # else two paths could be one
            return encoded
    raise SandboxError(f"paths and args must be text, or bytes as os.fsdecode gives them, got {text[:80]!r}")


def check_tools(language: Language, tools: Toolchain) -> None:
    """Raise LanguageUnavailable when tools of the language are missing."""
    if tools.missing:
        missing = ", ".join(tools.missing)
        raise LanguageUnavailable(f"language {language.name!r} needs {missing}: {tools.remedy}")


def compiling(request: RunRequest, language: Language, tools: Toolchain) -> Job:
    """The compiler's run: it sees the program and the request's files, and brings back the artifact."""
    files = {**request.files, _source(language, request.code): encode(request.code)}
    argv = _fill(language.compile, language, request)
    return _job(languages.COMPILE_LIMITS, files, argv, language, tools, fetch=(language.artifact,))


def running(request: RunRequest, language: Language, tools: Toolchain, artifact: bytes | None) -> Job:
    """The program's run. artifact: what the compiler made of it."""
    if language.name == "python":
        argv = (SCRIPT, *request.args)
        job = _job(request.limits, dict(request.files), argv, language, tools, fetch=tuple(request.fetch))
        return job._replace(script=encode(request.code))
    files = dict(request.files)
    if artifact is None:
        files[_source(language, request.code)] = encode(request.code)
    else:
        files[language.artifact] = artifact
    argv = (*_fill(language.run, language, request), *request.args)
    job = _job(request.limits, files, argv, language, tools, fetch=tuple(request.fetch))
    return job._replace(executables=(language.artifact,))


def _job(
    limits: Limits,
    files: Mapping[str, bytes],
    argv: tuple[str, ...],
    language: Language,
    tools: Toolchain,
    fetch: tuple[str, ...],
) -> Job:
    return Job(
        wall_s=limits.wall_s,
        memory=limits.memory_mb << 20,
        processes=limits.processes,
        output=limits.output_bytes,
        disk=limits.file_mb << 20,
        files=dict(files),
        executables=(),
        argv=argv,
        script=None,
        path=tools.path,
        fetch=fetch,
        # Virtual machines reserve far more addresses than they use.
        address_space=language.name in ("python", "cpp", "rust", "bash"),
    )


def _source(language: Language, code: str) -> str:
    return languages.stem(language, code) + PurePosixPath(language.source).suffix


def _fill(argv: tuple[str, ...], language: Language, request: RunRequest) -> tuple[str, ...]:
    stem, heap = languages.stem(language, request.code), int(request.limits.memory_mb * _HEAP_SHARE)
    return tuple(word.format(stem=stem, heap_mb=heap) for word in argv)
