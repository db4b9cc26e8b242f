"""What `rlvr serve` settles before it imports the service: the keys, and how settings reach the service's processes."""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

ENVIRONMENT = "RLVR_SERVE"
"""Holds the settings as JSON for `create_app` in processes that uvicorn starts."""
KEYS_VARIABLE = "RLVR_API_KEYS"
"""Holds keys as a file does, or with `;` between them; in use when no file is named."""


@dataclass(frozen=True)
class Key:
    """One client of the service."""

    secret: str = field(repr=False)
    name: str
    """In the metrics and where turns are taken; keys of one name share. By default 8 digits of the secret's hash."""
    items: int | None = None
    """The most that may be under way at once; by default what the service allows any key."""

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.secret.encode()).digest()


def read_keys(file: Path | None) -> list[Key]:
    """The keys in a file, or without one in the environment. Raises ValueError for a file without any, or a bad key."""
    if file is None:
        return _parse(os.environ.get(KEYS_VARIABLE, "").replace(";", "\n").splitlines(), KEYS_VARIABLE)
    keys = _parse(file.read_text(encoding="utf-8").splitlines(), str(file))
    if not keys:
        raise ValueError(f"{file} holds no key; write one a line")
    return keys


def _parse(lines: Iterable[str], source: str) -> list[Key]:
    """Lines `SECRET [NAME [ITEMS]]`; empty lines and lines that start with `#` do not count."""
    rows = [line.split() for line in lines if line.strip() and not line.strip().startswith("#")]
    return [_key(row, f"{source}: key {number}") for number, row in enumerate(rows, 1)]


def _key(words: list[str], where: str) -> Key:
    if len(words) > 3 or (len(words) == 3 and not (words[2].isdecimal() and int(words[2]))):
        raise ValueError(f"{where}: expected SECRET [NAME [ITEMS]], ITEMS a whole number above 0")
    if len(words[0]) < 16:
        raise ValueError(f"{where} has under 16 characters; `openssl rand -hex 32` makes a good one")
    name = words[1] if len(words) > 1 else hashlib.sha256(words[0].encode()).hexdigest()[:8]
    return Key(words[0], name, int(words[2]) if len(words) == 3 else None)
