"""`rlvr serve`: the HTTP verifier service. Without keys it binds to loopback only."""

import json
import os
import signal
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from rlvr.commands.listening import address, free_port, keys_for
from rlvr.commands.stages import user_errors
from rlvr.errors import UserError, make_folder


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the port.")] = 1,
    api_key_file: Annotated[
        Path | None, typer.Option(help="Keys of clients: SECRET [NAME [ITEMS]] a line. Without it, RLVR_API_KEYS.")
    ] = None,
    batch_folder: Annotated[
        Path | None, typer.Option(help="Where long batches are kept; a shared one lets every replica answer for them.")
    ] = None,
    labels: Annotated[Path | None, typer.Option(help="Tasks (JSONL) for clients that send no reference.")] = None,
) -> None:
    """Serve verdicts over HTTP: /v1, and the protocols of other trainers' reward clients (docs/service.md)."""
    from verifiers.endpoint import ALLOW
    from verifiers.keys import ENVIRONMENT

    with user_errors():
        guarded = bool(keys_for(host, api_key_file))
        port = free_port(host, port)
        _check_labels(labels)
        if batch_folder:
            make_folder(batch_folder, "--batch-folder")
    with tempfile.TemporaryDirectory(prefix="rlvr-serve-") as folder:
        cpus = len(os.sched_getaffinity(0))
        settings = {
            "key_file": str(api_key_file.resolve()) if api_key_file else None,
            "hosts": [] if guarded else ["localhost", "127.0.0.1", "::1", host],
            "workers": max(1, cpus // workers),
            "metrics_folder": folder if workers > 1 else None,
            "batch_folder": str(batch_folder.resolve()) if batch_folder else f"{folder}/batches",
            "labels": str(labels.resolve()) if labels else None,
        }
        os.environ[ENVIRONMENT] = json.dumps(settings)
        os.environ.setdefault(ALLOW, "")  # clients must not send the service around the network
        _listen(host, port, workers)


def _listen(host: str, port: int, workers: int) -> None:
    import uvicorn

    typer.echo(f"rlvr verifier service on {address(host, port)}")
    signal.signal(signal.SIGTERM, _end)  # uvicorn sends itself the signal again once all is finished
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


def _end(number: int, frame: object) -> None:
    """We were asked to, all is finished, and our folder goes with us."""
    raise SystemExit(0)


def _check_labels(file: Path | None) -> None:
    """The service reads the file, too; here a fault in it is one line, and before anything starts."""
    if file:
        from verifiers.wire.llama_factory import Labels

        try:
            Labels.read(file)
        except (OSError, ValueError) as error:
            raise UserError(str(error)) from None
