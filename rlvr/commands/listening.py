"""Where a server of ours may listen, and who may talk to it: without keys on loopback only."""

import ipaddress
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from rlvr.errors import UserError

if TYPE_CHECKING:
    from verifiers.keys import Key


def keys_for(host: str, file: Path | None) -> list["Key"]:
    """The keys in the file or the environment. Raises UserError when they are bad, or missing beyond loopback."""
    from verifiers.keys import KEYS_VARIABLE, read_keys

    try:
        keys = read_keys(file)
    except (OSError, ValueError) as error:
        raise UserError(str(error)) from None
    if not keys and not is_loopback(host):
        raise UserError(
            f"{host} can be reached from outside, so clients need keys; "
            f"give --api-key-file, set {KEYS_VARIABLE}, or use --host 127.0.0.1"
        )
    return keys


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def free_port(host: str, port: int) -> int:
    """The port, once it is sure that we can listen there. Raises UserError otherwise."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.create_server((host, port), family=family) as probe:
            return int(probe.getsockname()[1])
    except OSError as error:
        raise UserError(f"cannot listen on {host} port {port}: {error.strerror}") from None


def address(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
