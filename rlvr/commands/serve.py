"""`rlvr serve`: the HTTP verifier service. Without keys it binds to loopback only."""

import ipaddress
import json
import os
import socket
import tempfile
from pathlib import Path
from typing import Annotated, NoReturn

import typer


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the port.")] = 1,
    api_key_file: Annotated[Path | None, typer.Option(help="Keys that clients must send, one a line.")] = None,
) -> None:
    """Serve verdicts over HTTP: POST /v1/verify, GET /v1/verifiers, POST /v1/run, /healthz, /readyz, /metrics."""
    from verifiers.keys import ENVIRONMENT, read_keys

    if api_key_file:
        try:
            read_keys(api_key_file)
        except (OSError, ValueError) as error:
            _fail(str(error))
    elif not _loopback(host):
        _fail(f"{host} can be reached from outside, so clients need keys; give --api-key-file, or --host 127.0.0.1")
    port = _free(host, port)
    with tempfile.TemporaryDirectory(prefix="rlvr-serve-") as folder:
        cpus = len(os.sched_getaffinity(0))
        settings = {
            "key_file": str(api_key_file.resolve()) if api_key_file else None,
            "hosts": [] if api_key_file else ["localhost", "127.0.0.1", "::1", host],
            "workers": max(1, cpus // workers),
            "metrics_folder": folder if workers > 1 else None,
        }
        os.environ[ENVIRONMENT] = json.dumps(settings)
        _listen(host, port, workers)


def _listen(host: str, port: int, workers: int) -> None:
    import uvicorn

    typer.echo(f"rlvr verifier service on http://{f'[{host}]' if ':' in host else host}:{port}")
    uvicorn.run(
        "verifiers.service:create_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=30,  # what is under way is finished first
    )


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _free(host: str, port: int) -> int:
    """The port, once it is sure that we can listen there. Ends the command with exit 2 otherwise."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.create_server((host, port), family=family) as probe:
            return int(probe.getsockname()[1])
    except OSError as error:
        _fail(f"cannot listen on {host} port {port}: {error.strerror}")


def _fail(message: str) -> NoReturn:
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(2)
