"""`rlvr sandbox`: what protects this machine from programs under test, run one of them, and how fast that is."""

import base64
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from sandbox import RunResult, Sandbox
    from sandbox.bench import Comparison

app = typer.Typer(help="Run untrusted programs: check the protection, run one, measure.", no_args_is_help=True)

ModeOption = Annotated[str | None, typer.Option(help="Of docker: one-shot or workers.")]
RuntimeOption = Annotated[str | None, typer.Option(help="Of docker: the engine's name of a runtime, such as runsc.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
BackendOption = Annotated[str, typer.Option(help="process or docker.")]


@app.command()
def doctor(
    backend: BackendOption = "process",
    mode: ModeOption = None,
    runtime: RuntimeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which layers are in force here and which languages can be run. Exit 1 when the backend cannot be used."""
    with _open(backend, mode, runtime) as sandbox:
        layers = sandbox.layers
        missing = sandbox.missing_tools()
    if as_json:
        typer.echo(json.dumps({"backend": backend, "layers": layers, "missing_tools": missing}))
        return
    typer.echo(f"{backend}: ready")
    typer.echo(f"layers in force: {', '.join(layers)}")
    for name, tools in missing.items():
        typer.echo(f"{name:<12}{'missing: ' + ', '.join(tools) if tools else 'ready'}")


@app.command()
def run(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The program.")],
    backend: BackendOption = "process",
    mode: ModeOption = None,
    runtime: RuntimeOption = None,
    language: Annotated[str | None, typer.Option(help="By default, what FILE's ending says.")] = None,
    stdin: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What the program reads; nothing by default.")
    ] = None,
    wall: Annotated[float, typer.Option(metavar="S", help="Seconds it may take.")] = 10.0,
    memory_mb: Annotated[int, typer.Option(metavar="N", help="MiB it may use.")] = 512,
    fetch: Annotated[list[str] | None, typer.Option(metavar="NAME", help="File to bring back; repeatable.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Run a program and show what came of it. Exit 0 whenever there is a result, whatever it is.

    Files brought back are written to the current folder; with --json they are part of the result, in Base64.
    """
    from sandbox import Limits, RunRequest, SandboxError, SandboxUnavailable

    request = RunRequest(
        language=language or _language_of(file),
        code=_read(file).decode(errors="replace"),
        stdin=_read(stdin) if stdin else b"",
        fetch=fetch or (),
        limits=Limits(wall_s=wall, memory_mb=memory_mb),
    )
    with _open(backend, mode, runtime) as sandbox:
        try:
            result = sandbox.run(request)
        except SandboxUnavailable as error:
            _give_up(str(error))
        except SandboxError as error:
            _refuse(str(error))
    _show_json(result) if as_json else _show(result)


@app.command()
def bench(
    backend: BackendOption = "process",
    mode: ModeOption = None,
    runtime: RuntimeOption = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of 40 runs each, of both kinds in turn.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """Throughput beside a bare `python -c`: one against one and two against two, with and without usual imports."""
    from sandbox import bench as measure

    comparisons: list[Comparison] = []
    with _open(backend, mode, runtime) as sandbox:
        layers = sandbox.layers
        for concurrency in (1, 2):
            for name, code in (("print(1)", measure.PLAIN), ("with imports", measure.IMPORTS)):
                found = measure.compare(sandbox, name, code, concurrency=concurrency, rounds=rounds)
                comparisons.append(found)
                if not as_json:
                    _show_comparison(found)
    if as_json:
        rows = [
            each._asdict() | {"sandbox": each.sandbox._asdict(), "subprocess": each.subprocess._asdict()}
            for each in comparisons
        ]
        typer.echo(json.dumps({"backend": backend, "layers": layers, "comparisons": rows}))


@app.command()
def image(
    name: Annotated[str, typer.Option(help="What to call it.")] = "rlvr-sandbox",
    language: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Language whose tools come along; repeatable.")
    ] = None,
) -> None:
    """Give the Docker engine an image of this machine's Python and tools, for where no registry can be reached."""
    from sandbox import SandboxError, SandboxUnavailable, jobs, languages
    from sandbox.docker import image as images

    try:
        for each in language or ():
            jobs.check_tools(languages.find(each), languages.toolchain(languages.find(each)))
        images.make(name, ("bash", *(language or ())))
    except SandboxUnavailable as error:
        _give_up(str(error))
    except SandboxError as error:
        _refuse(str(error))
    typer.echo(f"made {name}")


def _open(backend: str, mode: str | None, runtime: str | None) -> "Sandbox":
    from sandbox import SandboxError, SandboxUnavailable, open_sandbox

    settings = {name: value for name, value in (("mode", mode), ("runtime", runtime)) if value is not None}
    if settings and backend != "docker":
        _refuse(f"--{next(iter(settings))} is of the docker backend; say --backend docker too")
    try:
        return open_sandbox(backend, **settings)
    except SandboxUnavailable as error:
        _give_up(str(error))
    except SandboxError as error:
        _refuse(str(error))


def _give_up(message: str) -> NoReturn:
    """End with exit code 1: this machine cannot do it."""
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(1) from None


def _refuse(message: str) -> NoReturn:
    """End with exit code 2: the user's input is wrong."""
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(2) from None


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        _refuse(f"cannot read {file}: {error.strerror}")


def _language_of(file: Path) -> str:
    from sandbox.languages import LANGUAGES

    endings = {Path(language.source).suffix: name for name, language in LANGUAGES.items()}
    if file.suffix not in endings:
        known = ", ".join(sorted(endings))
        _refuse(f"cannot tell the language of {file.name!r} by its ending (known: {known}); say --language NAME")
    return endings[file.suffix]


def _show_json(result: "RunResult") -> None:
    fields: dict[str, Any] = asdict(result)
    fields["files"] = {name: base64.b64encode(content).decode() for name, content in result.files.items()}
    typer.echo(json.dumps(fields))


def _show(result: "RunResult") -> None:
    typer.echo(result.stdout, nl=False)
    typer.echo(result.stderr, nl=False, err=True)
    for name, content in result.files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content)
    ending = f"exit {result.exit_code}" if result.signal is None else f"signal {result.signal}"
    cut = ", output cut" if result.truncated else ""
    typer.echo(f"[{result.status}, {ending}, {result.wall_s:.3f} s, {result.max_rss >> 20} MiB{cut}]", err=True)


def _show_comparison(found: "Comparison") -> None:
    ours, theirs = found.sandbox, found.subprocess
    typer.echo(
        f"{found.program:<13} {found.concurrency} at once: {ours.runs_per_s:6.1f} runs/s (p50 {ours.p50_ms:.1f} ms, "
        f"p99 {ours.p99_ms:.1f} ms), bare python {theirs.runs_per_s:6.1f} runs/s: {found.ratio:.1f} times as fast"
    )
