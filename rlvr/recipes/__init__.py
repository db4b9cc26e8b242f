"""Configurations that ship with rlvr; `path(NAME)` finds one."""

from pathlib import Path


def path(name: str) -> Path:
    return Path(__file__).with_name(f"{name}.toml")
