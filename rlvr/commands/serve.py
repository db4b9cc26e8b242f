"""`rlvr serve`: the HTTP verifier service. Without keys it binds to loopback only."""

import json
import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from rlvr.commands.listening import address, free_port, keys_for
from rlvr.commands.stages import user_errors


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the port.")] = 1,
    api_key_file: Annotated[Path | None, typer.Option(help="Keys that clients must send, one a line.")] = None,
) -> None:
    """Serve verdicts over HTTP: POST /v1/verify, GET /v1/verifiers, POST /v1/run, /healthz, /readyz, /metrics."""
    from verifiers.keys import ENVIRONMENT

    with user_errors():
        keys_for(host, api_key_file)
        port = free_port(host, port)
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

    typer.echo(f"rlvr verifier service on {address(host, port)}")
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
