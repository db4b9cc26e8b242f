"""What `rlvr serve` settles before it imports the service: the keys, and how settings reach the service's processes."""

from pathlib import Path

ENVIRONMENT = "RLVR_SERVE"
"""Holds the settings as JSON for `create_app` in processes that uvicorn starts."""


def read_keys(file: Path) -> list[str]:
    """The keys in a file. Raises ValueError when there is none, or one that is easy to guess."""
    lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    if not keys:
        raise ValueError(f"{file} holds no key; write one a line")
    for number, key in enumerate(keys, 1):
        if len(key) < 16:
            raise ValueError(f"{file}: key {number} has under 16 characters; `openssl rand -hex 32` makes a good one")
    return keys
