"""From a request to the jobs that carry it out: one for a script, two for a program that must be compiled first."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from sandbox import languages
from sandbox.base import LanguageUnavailable, Limits, RunRequest, SandboxError
from sandbox.lane import Job
from sandbox.languages import Language, Toolchain
from sandbox.process.guest import SCRIPTS

_LEAST_MEMORY_MB = 16
_HEAP_SHARE = 0.75
"""Of the memory limit; the rest is for a virtual machine's own needs."""
_MOST_BYTES = 1 << 30
_MOST_NAMES = 1 << 14
_BLOCK = 4096
"""What a file may take beyond its size."""


def check(request: RunRequest) -> Language:
    """The request's language. Raises SandboxError for paths that leave the working folder, limits that are none, ..."""
    language = languages.find(request.language)
    for path in (*request.files, *request.fetch):
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or str(pure) != path or path == "." or "\0" in path:
            raise SandboxError(f"paths must be relative and plain, like 'folder/name.txt', got {path!r}")
    limits = request.limits
    for name in ("wall_s", "memory_mb", "processes", "output_bytes", "file_mb"):
        if not getattr(limits, name) > 0:
            raise SandboxError(f"limits.{name} must be above 0, got {getattr(limits, name)!r}")
    if limits.memory_mb < _LEAST_MEMORY_MB:
        raise SandboxError(f"limits.memory_mb must be at least {_LEAST_MEMORY_MB}, got {limits.memory_mb}")
    if sum(map(len, (request.code, request.stdin, *request.files.values(), *request.args))) > _MOST_BYTES:
        raise SandboxError("code, stdin, files and args together must be below 1 GiB")
    if sum(map(len, request.fetch)) > _MOST_NAMES:
        raise SandboxError(f"the paths to fetch must be below {_MOST_NAMES} characters together")
    if any("\0" in argument for argument in request.args):
        raise SandboxError("args must not contain NUL characters")
    # A name that the program gave itself, as classes of Java do, goes before a file's.
    if language.name != "python" and _source(language, request.code) == language.source in request.files:
        raise SandboxError(f"{language.source!r} is the program itself and cannot be among the files too")
    needed = sum(len(content) + _BLOCK for content in (request.code, *request.files.values()))
    if needed > limits.file_mb << 20:
        raise SandboxError(f"code and files need {needed} bytes, limits.file_mb leaves room for {limits.file_mb << 20}")
    return language


def check_tools(language: Language, tools: Toolchain) -> None:
    """Raise LanguageUnavailable when tools of the language are missing."""
    if tools.missing:
        missing = ", ".join(tools.missing)
        raise LanguageUnavailable(f"language {language.name!r} needs {missing}: {tools.remedy}")


def compiling(request: RunRequest, language: Language, tools: Toolchain) -> Job:
    """The compiler's run: it sees the program and the request's files, and brings back the artifact."""
    files = {**request.files, _source(language, request.code): _encode(request.code)}
    argv = _fill(language.compile, language, request)
    return _job(languages.COMPILE_LIMITS, files, argv, language, tools, fetch=(language.artifact,))


def running(request: RunRequest, language: Language, tools: Toolchain, artifact: bytes | None) -> Job:
    """The program's run. artifact: what the compiler made of it."""
    if language.name == "python":
        argv = (f"{SCRIPTS}/{language.source}", *request.args)
        job = _job(request.limits, dict(request.files), argv, language, tools, fetch=tuple(request.fetch))
        return job._replace(script=_encode(request.code))
    files = dict(request.files)
    if artifact is None:
        files[_source(language, request.code)] = _encode(request.code)
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


def _encode(code: str) -> bytes:
    return code.encode(errors="surrogatepass")
